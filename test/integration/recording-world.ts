import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { SimulatedClock, systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { RemuxProcess } from '../../electron/ffmpeg/remux.ts';
import { Playback } from '../../electron/playback/playback.ts';
import { Recorder } from '../../electron/recording/recorder.ts';
import { RunPeriods } from '../../electron/recording/run-periods.ts';
import { scanSegment } from '../../electron/segment/segment-scan.ts';
import type { AccessUnit } from '../../electron/media/access-unit.ts';
import type { FragmentUnit } from '../../electron/segment/remux-feed.ts';
import { Storage } from '../../electron/storage/client.ts';
import type { CameraRow } from '../../electron/storage/interface.ts';
import { streamsOf } from '../fakes/ffmpeg.ts';
import { recordingParts } from '../fixtures/recording-parts.ts';
import { bare } from './recording-material.ts';

/** `fragments`: as from an RTSP camera. `bare`: as from a peer-to-peer camera, through a real ffmpeg. */
export type Way = 'fragments' | 'bare';

/** A recorder with a real database, real files and a real ffmpeg; only its clock is simulated. */
export class RecordingWorld {
  readonly dataDir: string;
  readonly clock: SimulatedClock;
  readonly storage: Storage;
  readonly camera: CameraRow;
  readonly recorder: Recorder;
  readonly playback: Playback;
  readonly start: number;
  readonly #way: Way;
  readonly #runs: RunPeriods;
  #inside = 0;

  private constructor(way: Way, start: number, dataDir: string, storage: Storage, camera: CameraRow) {
    this.#way = way;
    this.start = start;
    this.dataDir = dataDir;
    this.storage = storage;
    this.camera = camera;
    this.clock = new SimulatedClock(start);
    this.#runs = new RunPeriods({ storage, clock: this.clock, log: silentLog });
    const parts = recordingParts(storage, dataDir);
    this.recorder = new Recorder({
      camera,
      ...parts,
      clock: this.clock,
      log: silentLog,
      remux: ({ configs, onFragment, onFailed }) => {
        const process = new RemuxProcess({
          clock: systemClock,
          log: silentLog,
          onFragment: (unit) => {
            if (unit.config.kind === 'video') this.#inside -= 1;
            onFragment(unit);
          },
          onFailure: onFailed,
        });
        process.start(configs);
        this.#inside = 0;
        return {
          write: (unit) => {
            const taken = process.write(unit);
            if (taken && unit.config.kind === 'video') this.#inside += 1;
            return taken;
          },
          close: () => process.close(),
          kill: () => process.kill(),
        };
      },
    });
    this.playback = new Playback({
      ...parts,
      clock: this.clock,
      unlisted: (id) => (id === camera.id ? this.recorder.segments() : []),
    });
    this.recorder.sourceStatus({ state: 'live', reason: null });
  }

  static async open(way: Way, start: number): Promise<RecordingWorld> {
    const dataDir = mkdtempSync(join(tmpdir(), 'keyhole-recording-'));
    const storage = await Storage.open({ dataDir, log: silentLog });
    const camera = await storage.call('addCamera', {
      id: 'cam-aaaaaaaa',
      name: 'Yard',
      createdAt: utcMs(start),
      sourceKind: 'rtsp',
      source: new Uint8Array(),
    });
    const world = new RecordingWorld(way, start, dataDir, storage, camera);
    await world.#runs.start();
    return world;
  }

  /** Pushes the units at their simulated times; time waits for ffmpeg and the disk. */
  async play(units: Iterable<FragmentUnit>): Promise<void> {
    for (const unit of units) {
      await this.until(unit.receivedAt);
      this.push(unit);
    }
    await this.recorder.settled();
  }

  push(unit: FragmentUnit): void {
    this.recorder.push(this.#way === 'bare' ? bare(unit) : (unit as AccessUnit));
  }

  async until(at: number): Promise<void> {
    while (this.clock.now() < at) {
      // A picture waits in ffmpeg for the next one, and with sound for that too.
      for (let i = 0; this.#inside > 2; i++) {
        if (i > 5_000) throw new Error(`${this.#inside} pictures do not come out of ffmpeg`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await this.clock.advance(Math.min(500, at - this.clock.now()));
      await this.recorder.settled();
    }
  }

  async close(): Promise<void> {
    await this.recorder.close();
    await this.#runs.close();
    await this.storage.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  files(): string[] {
    return (readdirSync(this.dataDir, { recursive: true }) as string[])
      .filter((name) => name.endsWith('.mp4'))
      .sort()
      .map((name) => join(this.dataDir, name));
  }

  rows() {
    const range = { camera: this.camera.key, from: utcMs(0), to: utcMs(this.start * 2) };
    return this.storage.call('segmentsWithKeyframes', range);
  }

  recordings(from: number, to: number) {
    return this.playback.recordings({ camera: this.camera.id, from: utcMs(from), to: utcMs(to) });
  }

  /**
   * Every file is whole: its row is what scanning it gives, a real decoder takes it without a word, its times begin at 0. Gives the streams of each,
   * in order. To be called when the recorder is closed.
   * @param garbage pictures whose insides make no sense are among them: the decoder may complain, but must come to the end
   */
  async judge(garbage = false) {
    const rows = await this.rows();
    const files = this.files();
    expect(files.map((file) => Number(basename(file, '.mp4')))).toEqual(rows.map(({ start }) => start));
    const result = [];
    for (const [i, file] of files.entries()) {
      const row = rows[i]!;
      const scan = await scanSegment(file, row.start);
      expect(scan.wholeBytes).toBe(scan.fileBytes);
      expect(scan.segment).toMatchObject({ start: row.start, bytes: row.bytes, codec: row.codec, keyframes: row.keyframes });
      if (rows[i + 1]?.start === row.end) expect(scan.segment?.end).toBeLessThanOrEqual(row.end + SEAM_MS);
      else expect(Math.abs((scan.segment?.end ?? 0) - row.end)).toBeLessThanOrEqual(1);
      const said = execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, '-f', 'null', '-'], { encoding: 'utf8', stdio: 'pipe' });
      if (!garbage) expect(said).toBe('');
      const streams = streamsOf(file);
      expect(streams[0]?.start).toBeLessThan(0.5);
      result.push({ row, streams });
    }
    return result;
  }
}

/** A continuous cut moves a row's end to the next row's start; the file knows only its last frame. */
const SEAM_MS = 45;
