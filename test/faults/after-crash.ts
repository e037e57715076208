import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { diagnose } from '../../electron/doctor/doctor.ts';
import { Playback } from '../../electron/playback/playback.ts';
import { StorageFolders } from '../../electron/recording/folders.ts';
import { Storage } from '../../electron/storage/client.ts';
import { CAMERAS } from './recording-core.ts';

/** What a crash may cost (docs/storage.md). */
const MAX_LOST_MS = 2_000;

/** A stretch of time in which all cameras were recorded, as whoever was killed told of it. */
export interface Told {
  readonly start: number;
  /** The last frame that was handed over. */
  readonly last: number;
}

export interface AfterCrash {
  readonly dataDir: string;
  readonly now: number;
  /** All that was told since the folder was made. */
  readonly told: readonly Told[];
  /** What is read back from its first to its last picture. */
  readonly since: number;
  readonly random: () => number;
  readonly maxLostMs?: number;
}

/** Milliseconds lost at the end of the newest stretch, the worst of all cameras; fails when a promise of docs/storage.md is broken. */
export async function expectWhole(args: AfterCrash): Promise<number> {
  const { dataDir, now, told, since, random, maxLostMs = MAX_LOST_MS } = args;
  const clock = new SimulatedClock(now);
  const report = await diagnose({
    ...{ dataDir, clock, log: silentLog, random },
    only: ['database', 'folders', 'files', 'ledger', 'proofs', 'clock'],
  });
  const problems = report.checks.flatMap(({ findings }) => findings.filter(({ level }) => level === 'problem'));
  expect(problems).toEqual([]);
  expect(report.clean).toBe(true);
  let worst = 0;
  const storage = await Storage.open({ dataDir, log: silentLog, readOnly: true });
  try {
    const folders = new StorageFolders(dataDir);
    const playback = new Playback({ storage, folders, clock, unlisted: () => [] });
    for (const camera of CAMERAS) {
      const { spans, gaps } = await playback.recordings({ camera, from: utcMs(told[0]?.start ?? 0), to: utcMs(now) });
      expect(gaps.filter(({ reason }) => reason === 'unknown')).toEqual([]);
      for (const stretch of told) {
        const span = spans.find(({ from }) => from === stretch.start);
        const lost = stretch.last - (span?.to ?? stretch.start);
        expect(lost, `${camera} from ${stretch.start}`).toBeLessThanOrEqual(maxLostMs);
        if (stretch === told.at(-1)) worst = Math.max(worst, lost);
      }
      for (const span of spans.filter(({ from }) => from >= since)) {
        for (let at: number = span.from; at < span.to;) {
          const { value, bytes } = await playback.gop({ camera, at: utcMs(at) });
          if (value.kind === 'gap') throw new Error(`${camera} at ${at}: listed, and does not play: ${value.text}`);
          expect(value.frames.reduce((sum, frame) => sum + frame.bytes, 0)).toBe(bytes.length);
          expect(value.to).toBeGreaterThan(at);
          at = value.to;
        }
      }
    }
    const camera = CAMERAS[Math.floor(random() * CAMERAS.length)] ?? '';
    const last = (await playback.segments({ camera, from: utcMs(since), to: utcMs(now) })).at(-1);
    if (last) {
      const file = join(dataDir, last.file);
      const decoded = spawnSync('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, '-f', 'null', '-'], { encoding: 'utf8' });
      expect(decoded, file).toMatchObject({ status: 0, stderr: '' });
    }
  } finally {
    await storage.close();
  }
  return worst;
}
