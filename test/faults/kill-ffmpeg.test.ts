import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { delay, systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { DEFAULT_RECORDING } from '../../electron/contract/model.ts';
import { diagnose } from '../../electron/doctor/doctor.ts';
import { RemuxProcess } from '../../electron/ffmpeg/remux.ts';
import { Playback } from '../../electron/playback/playback.ts';
import { StorageFolders } from '../../electron/recording/folders.ts';
import { Recorder } from '../../electron/recording/recorder.ts';
import { repairIndex } from '../../electron/recording/repair.ts';
import { RunPeriods } from '../../electron/recording/run-periods.ts';
import { Register } from '../../electron/recording/segment-register.ts';
import { Storage } from '../../electron/storage/client.ts';
import { seededRandom } from '../fakes/seeded-random.ts';
import { clipUnits } from '../integration/recording-clip.ts';
import { ffmpegsOf, signal } from './process-tree.ts';
import { CAMERAS } from './recording-core.ts';

/* kill -9 of ffmpeg, again and again, while the recorders that it muxes for go on. In real time: ffmpeg knows no other. */

const KILLS = Number(process.env['KEYHOLE_KILLS'] ?? (process.env['CI'] ? 40 : 200));
const SEED = Number(process.env['KEYHOLE_SEED'] ?? 20261127);
const MAX_PAUSE_MS = 600;
/** What a kill may cost, on average: an ffmpeg that is killed again and again over the same group gives that group up. */
const MAX_LOST_MS = 2_000;
const ROOM = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(ROOM, 'keyhole-ffmpeg-'));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

/** Pushes what is due until `stop`; as a session over the network would. */
async function feed(recorder: Recorder, start: number, stop: AbortSignal): Promise<number> {
  let last = start;
  for (const { fragment: _, ...unit } of clipUnits({ start, lengthMs: 86_400_000 })) {
    while (unit.utc > Date.now() && !stop.aborted) await delay(systemClock, 20);
    if (stop.aborted) return last;
    recorder.push(unit);
    last = unit.utc;
  }
  return last;
}

it(
  `kill -9 of ffmpeg ${KILLS} times under four recorders: together they cost at most 2 s each, with reasons, and every file is whole`,
  {
    timeout: KILLS * MAX_PAUSE_MS * 3 + 120_000,
  },
  async () => {
    const random = seededRandom(SEED);
    const storage = await Storage.open({ dataDir, log: silentLog });
    const folders = new StorageFolders(dataDir);
    const register = new Register(storage);
    const runs = new RunPeriods({ storage, clock: systemClock, log: silentLog });
    await repairIndex({ storage, register, folders, log: silentLog });
    const start = Date.now();
    await runs.start();
    const recorders: Recorder[] = [];
    for (const id of CAMERAS) {
      const row = { id, name: id, createdAt: utcMs(start), sourceKind: 'p2p' as const, source: new Uint8Array([1]) };
      const camera = await storage.call('addCamera', row);
      const recorder = new Recorder({
        ...{ camera, storage, register, folders, clock: systemClock, log: silentLog },
        settings: () => ({ ...DEFAULT_RECORDING, segmentS: 10 }),
        remux: ({ configs, onFragment, onFailed }) => {
          const remux = new RemuxProcess({ clock: systemClock, log: silentLog, onFragment, onFailure: onFailed });
          remux.start(configs);
          return remux;
        },
      });
      recorder.sourceStatus({ state: 'live', reason: null });
      recorders.push(recorder);
    }
    const stop = new AbortController();
    const fed = Promise.all(recorders.map((recorder) => feed(recorder, start, stop.signal)));
    let killed = 0;
    while (killed < KILLS) {
      await delay(systemClock, Math.floor(random() * MAX_PAUSE_MS));
      const running = ffmpegsOf(process.pid);
      const pid = running[Math.floor(random() * running.length)];
      if (pid === undefined) continue;
      signal([pid], 'SIGKILL');
      killed += 1;
    }
    // What the last ones cost is seen when the recording has gone on.
    await delay(systemClock, 5_000);
    stop.abort();
    const ends = await fed;
    for (const recorder of recorders) await recorder.close();
    await runs.close();
    const playback = new Playback({ storage, folders, clock: systemClock, unlisted: () => [] });
    const lost: number[] = [];
    for (const [i, camera] of CAMERAS.entries()) {
      const { gaps, spans } = await playback.recordings({ camera, from: utcMs(start), to: utcMs(ends[i] ?? start) });
      for (const gap of gaps) {
        expect(gap.reason).not.toBe('unknown');
        lost.push(gap.to - gap.from);
      }
      for (const span of spans)
        for (let at: number = span.from; at < span.to;) {
          const { value } = await playback.gop({ camera, at: utcMs(at) });
          if (value.kind === 'gap') throw new Error(`${camera} at ${at}: listed, and does not play: ${value.text}`);
          at = value.to;
        }
    }
    await storage.close();
    process.stderr.write(`seed ${SEED}: ${killed} kills, ${lost.length} gaps, ${lost.reduce((sum, ms) => sum + ms, 0)} ms lost\n`);
    expect(lost.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(killed * MAX_LOST_MS);
    const only = ['database', 'folders', 'files', 'ledger', 'clock'] as const;
    const report = await diagnose({ dataDir, clock: systemClock, log: silentLog, only, deep: true });
    expect(report.checks.flatMap(({ findings }) => findings.filter(({ level }) => level === 'problem'))).toEqual([]);
    for (const name of (readdirSync(dataDir, { recursive: true }) as string[]).filter((file) => file.endsWith('.mp4'))) {
      const file = join(dataDir, name);
      const decoded = spawnSync('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, '-f', 'null', '-'], { encoding: 'utf8' });
      expect(decoded, file).toMatchObject({ status: 0, stderr: '' });
    }
  },
);
