import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { seededRandom } from '../fakes/seeded-random.ts';
import { Playback } from '../../electron/playback/playback.ts';
import { repairIndex } from '../../electron/recording/repair.ts';
import { scanSegment } from '../../electron/segment/segment-scan.ts';
import { Storage } from '../../electron/storage/client.ts';
import { recordingParts } from '../fixtures/recording-parts.ts';

/* kill -9 while recording, again and again in one data folder. */

const KILLS = 20;
const SEED = 20261123;
const T0 = Date.UTC(2026, 10, 23, 10, 0, 7, 300);
const CAMERA = 'cam-aaaaaaaa';
/** What a killed process may lose, milliseconds. */
const MAX_LOSS_MS = 2_000;

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-crash-'));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

/** Starts the recorder and kills it when it has recorded so many frames. The time of the last frame it told of; null if none. */
async function recordAndKill(start: number, frames: number, every: number): Promise<number | null> {
  const script = join(import.meta.dirname, 'crash-recorder.ts');
  const child = spawn(process.execPath, [script, dataDir, String(start), String(every)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<string | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  let last: number | null = null;
  let count = 0;
  for await (const line of createInterface(child.stdout)) {
    last = Number(line);
    count += 1;
    if (count === frames) child.kill('SIGKILL');
  }
  expect(await exited).toBe('SIGKILL');
  return last;
}

function segmentFiles(): string[] {
  return (readdirSync(dataDir, { recursive: true }) as string[]).filter((name) => /\d\.mp4$/.test(name)).sort();
}

async function withStorage<T>(run: (storage: Storage) => Promise<T>): Promise<T> {
  const storage = await Storage.open({ dataDir, log: silentLog });
  try {
    return await run(storage);
  } finally {
    await storage.close();
  }
}

describe('kill -9', () => {
  it(
    `at ${KILLS} random moments loses at most 2 s each time; what is listed plays, and nothing is listed that is not there`,
    { timeout: 300_000 },
    async () => {
      const random = seededRandom(SEED);
      let start = T0;
      const ends: { start: number; last: number }[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        // Every third time with a group of 20 s: what is lost must not depend on it.
        const every = kill % 3 === 2 ? 10 : 1;
        const last = await recordAndKill(start, 1 + Math.floor(random() * 1_500), every);
        if (last !== null) ends.push({ start, last });
        const now = (last ?? start) + 3_600_000;
        await withStorage(async (storage) => {
          expect(storage.report.setAside).toBeNull();
          await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog });
          expect(await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog })).toMatchObject({
            added: 0,
            cut: 0,
            empty: 0,
            lost: 0,
          });
          const playback = new Playback({ ...recordingParts(storage, dataDir), clock: new SimulatedClock(now), unlisted: () => [] });
          const segments = await playback.segments({ camera: CAMERA, from: utcMs(T0), to: utcMs(now) });
          expect(segments.map((segment) => segment.file).sort()).toEqual(segmentFiles());
          for (const segment of segments) expect(statSync(join(dataDir, segment.file)).size).toBe(segment.bytes);
          const { spans } = await playback.recordings({ camera: CAMERA, from: utcMs(T0), to: utcMs(now) });
          for (const [i, run] of ends.entries()) {
            const span = spans.find((candidate) => candidate.from === run.start);
            expect(span, `run ${i}`).toBeDefined();
            expect(span?.to ?? 0, `run ${i}`).toBeGreaterThanOrEqual(run.last - MAX_LOSS_MS);
          }
          const [lastRun] = spans.slice(-1);
          for (let at = lastRun?.from ?? now; at < (lastRun?.to ?? 0); at += 1_000) {
            const { value } = await playback.gop({ camera: CAMERA, at: utcMs(at) });
            expect(value, `second at ${at}`).toMatchObject({ kind: 'gop' });
          }
        });
        start = now;
      }
      expect(ends.length).toBeGreaterThan(KILLS / 2);
      for (const file of segmentFiles()) {
        const errors = execFileSync('ffmpeg', ['-v', 'error', '-i', join(dataDir, file), '-f', 'null', '-'], {
          encoding: 'utf8',
          stdio: 'pipe',
        });
        expect(errors, file).toBe('');
      }
    },
  );

  it('at any byte of a file leaves a file that is cut at the last whole frame', { timeout: 120_000 }, async () => {
    await recordAndKill(T0, 100, 1);
    await withStorage((storage) => repairIndex({ ...recordingParts(storage, dataDir), log: silentLog }));
    const [file] = segmentFiles();
    if (!file) throw new Error('nothing was recorded');
    const path = join(dataDir, file);
    const start = Number(/(\d+)\.mp4$/.exec(file)?.[1]);
    const whole = await scanSegment(path, start);
    expect(whole.wholeBytes).toBe(whole.fileBytes);
    const random = seededRandom(SEED);
    let previous = whole;
    for (let size = whole.fileBytes - 1; size > 0; size -= 1 + Math.floor(random() * 3_000)) {
      truncateSync(path, size);
      const scanned = await scanSegment(path, start);
      expect(scanned.wholeBytes).toBeLessThanOrEqual(size);
      expect(scanned.wholeBytes).toBeLessThanOrEqual(previous.wholeBytes);
      if (scanned.segment) {
        // Never more than a frame is given up, and the keyframes that remain are those that were there.
        const keyframes = scanned.segment.keyframes.slice(0, -1);
        expect(keyframes).toEqual(whole.segment?.keyframes.slice(0, keyframes.length));
        expect(scanned.segment.end).toBeLessThanOrEqual(previous.segment?.end ?? 0);
      }
      previous = scanned;
    }
    expect(previous.segment).toBeNull();
  });
});
