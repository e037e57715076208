import type { Clock } from '../base/clock.ts';
import { utcMs } from '../base/units.ts';
import { Footage } from '../playback/footage.ts';
import { Recordings } from '../playback/recordings.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraRow } from '../storage/interface.ts';
import { Places, result, type CheckResult } from './report.ts';

/** Asked at once; a whole year may hold many reasons. */
const DAY_MS = 86_400_000;
const SLICE_MS = 7 * DAY_MS;

/**
 * Every second of every camera since it was added is recorded, or it is said why not. While the app does not run it is looked at up to its
 * last note: for some seconds behind that the ledger takes it for alive.
 */
export async function checkLedger(
  storage: Pick<Storage, 'call'>,
  cameras: readonly CameraRow[],
  clock: Clock,
  running: boolean,
): Promise<CheckResult> {
  const footage = new Footage(storage, () => []);
  const unexplained = new Places(
    'time-unexplained',
    'problem',
    (n) => `${n} time(s) are neither recorded nor is it noted why not.`,
    'Please report this: the ledger should explain every second. The log of the time may tell the cause.',
  );
  let owed = 0;
  let recorded = 0;
  const present = clock.now();
  const alive = await storage.call('runs', { from: utcMs(present - DAY_MS), to: present });
  const now = running ? present : (alive.at(-1)?.to ?? present);
  const then: Clock = { now: () => now, monotonic: () => clock.monotonic(), setTimeout: (run, ms) => clock.setTimeout(run, ms) };
  const recordings = new Recordings(storage, footage, then);
  for (const camera of cameras) {
    const end = Math.min(now, camera.removedAt ?? now);
    for (let from: number = camera.createdAt; from < end; from += SLICE_MS) {
      const to = Math.min(from + SLICE_MS, end);
      const { spans, pieces } = await recordings.tile(camera, utcMs(from), utcMs(to));
      owed += to - from;
      recorded += spans.reduce((sum, span) => sum + span.to - span.from, 0);
      for (const piece of pieces)
        if (piece.reason === 'unknown' && piece.owed)
          unexplained.add(`${camera.id}: ${new Date(piece.from).toISOString()} – ${new Date(piece.to).toISOString()}`);
    }
  }
  const percent = owed > 0 ? `${((recorded / owed) * 100).toFixed(1)} % of` : 'nothing of';
  return result(
    'ledger',
    `${percent} ${(owed / 3_600_000).toFixed(1)} hours recorded, of ${cameras.length} camera(s)`,
    unexplained.finding(),
  );
}
