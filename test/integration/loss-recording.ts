import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import type { Recordings, Segment } from '../../electron/contract/model.ts';
import { RemuxProcess } from '../../electron/ffmpeg/remux.ts';
import { Playback } from '../../electron/playback/playback.ts';
import { Recorder } from '../../electron/recording/recorder.ts';
import { RunPeriods } from '../../electron/recording/run-periods.ts';
import { Storage } from '../../electron/storage/client.ts';
import type { Sink } from './p2p-world.ts';
import { recordingParts } from '../fixtures/recording-parts.ts';

/** The real recorder behind a sink, and what it wrote, read back through playback. */
export class Recording {
  readonly #dataDir: string;
  readonly #storage: Storage;
  readonly #runs: RunPeriods;
  readonly #recorder: Recorder;
  readonly #playback: Playback;
  readonly #camera: string;
  readonly #startedAt = systemClock.now();

  private constructor(parts: { dataDir: string; storage: Storage; runs: RunPeriods; recorder: Recorder; camera: string }) {
    this.#dataDir = parts.dataDir;
    this.#storage = parts.storage;
    this.#runs = parts.runs;
    this.#recorder = parts.recorder;
    this.#camera = parts.camera;
    const { storage, dataDir, recorder } = parts;
    this.#playback = new Playback({ ...recordingParts(storage, dataDir), clock: systemClock, unlisted: () => recorder.segments() });
  }

  static async start(): Promise<Recording> {
    const dataDir = mkdtempSync(join(tmpdir(), 'keyhole-loss-'));
    const storage = await Storage.open({ dataDir, log: silentLog });
    const row = { id: 'cam-aaaaaaaa', name: 'Yard', createdAt: utcMs(Date.now()), sourceKind: 'p2p' as const, source: new Uint8Array() };
    const camera = await storage.call('addCamera', row);
    const runs = new RunPeriods({ storage, clock: systemClock, log: silentLog });
    await runs.start();
    const recorder = new Recorder({
      camera,
      ...recordingParts(storage, dataDir),
      clock: systemClock,
      log: silentLog,
      remux: ({ configs, onFragment, onFailed }) => {
        const process = new RemuxProcess({ clock: systemClock, log: silentLog, onFragment, onFailure: onFailed });
        process.start(configs);
        return process;
      },
    });
    return new Recording({ dataDir, storage, runs, recorder, camera: camera.id });
  }

  /** Records what the sink gets from now on. */
  follow(sink: Sink): void {
    const { unit, status } = sink.events;
    sink.events.unit = (given) => {
      this.#recorder.push(given);
      unit(given);
    };
    sink.events.status = (given) => {
      this.#recorder.sourceStatus(given);
      status(given);
    };
    this.#recorder.sourceStatus({ state: sink.state === 'live' ? 'live' : 'connecting', reason: null });
  }

  /** Ends the recording; the frames that are on the disk, their segments, and what is said of the time between. */
  async end(): Promise<{ frames: Uint8Array[]; segments: readonly Segment[]; recordings: Recordings }> {
    await this.#recorder.close();
    const range = { camera: this.#camera, from: utcMs(this.#startedAt - 60_000), to: systemClock.now() };
    const segments = await this.#playback.segments(range);
    const frames: Uint8Array[] = [];
    for (const segment of segments) {
      for (const { at } of segment.keyframes) {
        const { value, bytes } = await this.#playback.gop({ camera: this.#camera, at });
        if (value.kind === 'gap') throw new Error(`a gap at a keyframe: ${value.text}`);
        let offset = 0;
        for (const frame of value.frames) {
          frames.push(bytes.slice(offset, offset + frame.bytes));
          offset += frame.bytes;
        }
      }
    }
    return { frames, segments, recordings: await this.#playback.recordings(range) };
  }

  async close(): Promise<void> {
    await this.#recorder.close();
    await this.#runs.close();
    await this.#storage.close();
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}
