import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedHistory } from '../../test/fixtures/simulated-history.ts';

/*
 * Random lives of one camera: the real recorder, ledger, running time, repair and SQLite, under a clock that moves when told to. Whatever
 * happens, every second is recorded or has a reason, and the reason is the true one.
 */

let dataDir: string;
let history: SimulatedHistory;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-history-'));
  history = await SimulatedHistory.begin(dataDir);
});

afterEach(async () => {
  await history.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Reason of the middle of each thing that happened, beside what it should be. */
async function toldOf(what: Record<string, string>): Promise<void> {
  for (const { kind, from, to } of history.happened) {
    const expected = what[kind];
    if (expected === undefined) continue;
    expect([kind, await history.reasonAt((from + to) / 2)]).toEqual([kind, expected]);
  }
}

const TRUTH = {
  played: 'recorded',
  offline: 'ice-failed',
  held: 'schedule',
  slept: 'asleep',
  setForward: 'clock-set',
  killed: 'app-not-running',
  closed: 'app-not-running',
  diskMissing: 'disk-missing',
  stalled: 'source-stalled',
};

describe('every second of a camera', () => {
  it('has its true reason, each of them once', async () => {
    await history.play(20);
    await history.offline(60);
    await history.play(20);
    await history.hold(60);
    await history.play(20);
    await history.sleep(3_600, true);
    await history.play(20);
    await history.sleep(7_200, false);
    await history.play(20);
    await history.set(5_400);
    await history.play(20);
    await history.kill(3);
    await history.play(20);
    await history.kill(600);
    await history.play(20);
    await history.shut(600);
    await history.play(20);
    await history.diskMissing(60);
    await history.play(20);
    await history.stall(60);
    await history.play(20);
    expect(await history.unexplained()).toEqual([]);
    await toldOf(TRUTH);
  });

  it('is explained while the database cannot be written to, and after it', async () => {
    await history.play(20);
    history.refuse(true);
    await history.offline(120);
    await history.sleep(3_600, true);
    await history.offline(60);
    history.refuse(false);
    await history.play(30);
    expect(await history.unexplained()).toEqual([]);
    await toldOf(TRUTH);
  });

  it('is explained when the clock was set back over gaps, and the app died in the time that came twice', async () => {
    await history.play(20);
    await history.offline(600);
    await history.set(-900);
    await history.play(30);
    await history.kill(60);
    await history.play(30);
    await history.offline(1_200);
    await history.play(10);
    expect(await history.unexplained()).toEqual([]);
  });

  it.each([1, 2, 3])('is explained after whatever happens (%i)', { timeout: 120_000 }, async (seed) => {
    await history.atRandom(seed, 25, seed % 2 === 0);
    expect(await history.unexplained()).toEqual([]);
    if (seed % 2 === 1) await toldOf(TRUTH);
  });
});
