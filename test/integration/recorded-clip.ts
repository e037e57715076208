import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import type { Span } from '../../electron/contract/model.ts';
import { Playback } from '../../electron/playback/playback.ts';
import { Recorder } from '../../electron/recording/recorder.ts';
import { RunPeriods } from '../../electron/recording/run-periods.ts';
import type { RemuxFactory } from '../../electron/segment/remux-feed.ts';
import { Storage } from '../../electron/storage/client.ts';
import type { CameraRow } from '../../electron/storage/interface.ts';
import { streamsOf } from '../fakes/ffmpeg.ts';
import { recordingParts } from '../fixtures/recording-parts.ts';
import type { ClipUnit } from './recording-clip.ts';

export const T0 = Date.UTC(2026, 10, 23, 10, 0, 7, 300);

const noRemux: RemuxFactory = () => {
  throw new Error('these units come with their fragments');
};

/** The real clip through the real recorder, database and files, read back through playback. Only the clock is simulated. */
export class RecordedClip {
  readonly dataDir: string;
  readonly storage: Storage;
  readonly clock: SimulatedClock;
  readonly camera: CameraRow;
  readonly runs: RunPeriods;
  readonly playback: Playback;
  recorder: Recorder;
  /** What the recorder in use told to be playable. */
  added: Span[] = [];

  private constructor(dataDir: string, storage: Storage, clock: SimulatedClock, runs: RunPeriods, camera: CameraRow) {
    this.dataDir = dataDir;
    this.storage = storage;
    this.clock = clock;
    this.camera = camera;
    this.runs = runs;
    this.recorder = this.newRecorder();
    this.recorder.sourceStatus({ state: 'live', reason: null });
    const unlisted = (id: string) => (id === camera.id ? this.recorder.segments() : []);
    this.playback = new Playback({ ...recordingParts(storage, dataDir), clock, unlisted });
  }

  static async open(): Promise<RecordedClip> {
    const dataDir = mkdtempSync(join(tmpdir(), 'keyhole-recording-'));
    const storage = await Storage.open({ dataDir, log: silentLog });
    const row = { id: 'cam-aaaaaaaa', name: 'Yard', createdAt: utcMs(T0), sourceKind: 'rtsp' as const, source: new Uint8Array() };
    const camera = await storage.call('addCamera', row);
    const clock = new SimulatedClock(T0);
    const runs = new RunPeriods({ storage, clock, log: silentLog });
    // Before the first recorder: it ends the gaps that a run before left open.
    await runs.start();
    return new RecordedClip(dataDir, storage, clock, runs, camera);
  }

  /** Its source is not live yet. */
  newRecorder(remux: RemuxFactory = noRemux): Recorder {
    this.added = [];
    const { camera, clock, storage, dataDir } = this;
    return new Recorder({
      camera,
      ...recordingParts(storage, dataDir),
      clock,
      log: silentLog,
      remux,
      onAdded: (span) => this.added.push(span),
    });
  }

  async close(): Promise<void> {
    await this.recorder.close();
    await this.runs.close();
    await this.storage.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Pushes the units at their simulated times. */
  async play(units: Iterable<ClipUnit>): Promise<ClipUnit[]> {
    const played: ClipUnit[] = [];
    for (const unit of units) {
      if (unit.utc > this.clock.now()) await this.clock.advance(unit.utc - this.clock.now());
      this.recorder.push(unit);
      // Simulated time must not run ahead of the real disk.
      await this.recorder.settled();
      played.push(unit);
    }
    return played;
  }

  /** Every frame that playback gives for [from, to), group by group. */
  async readBack(from: number, to: number): Promise<{ at: number; data: Uint8Array; key: boolean }[]> {
    const frames: { at: number; data: Uint8Array; key: boolean }[] = [];
    for (let at = from; at < to;) {
      const { value, bytes } = await this.playback.gop({ camera: this.camera.id, at: utcMs(at) });
      if (value.kind === 'gap') throw new Error(`a gap at ${at - from}: ${value.reason} ${value.text}`);
      let offset = 0;
      for (const frame of value.frames) {
        frames.push({ at: frame.at, key: frame.key, data: bytes.subarray(offset, offset + frame.bytes) });
        offset += frame.bytes;
      }
      expect(offset).toBe(bytes.length);
      expect(value.to).toBeGreaterThan(at);
      at = value.to;
    }
    return frames;
  }

  segmentFiles(): string[] {
    return (readdirSync(this.dataDir, { recursive: true }) as string[]).filter((name) => name.endsWith('.mp4')).sort();
  }
}

export function videoStream(file: string) {
  const video = streamsOf(file).find(({ codec }) => codec === 'h264');
  if (!video) throw new Error(`${file} has no video`);
  return video;
}
