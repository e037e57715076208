import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { CameraSpool } from '../../camera/spool/spool.ts';

/** What keeps footage within the camera peer. The source is whoever pushes. */
export async function openSpool(root: string, now: number): Promise<{ spool: CameraSpool; clock: SimulatedClock }> {
  const clock = new SimulatedClock(now);
  const spool = new CameraSpool({
    root,
    camera: 'spool-test',
    limits: { bytes: 1e12, ageMs: 1e13 },
    clock,
    log: silentLog,
    // Nobody sets this wall clock.
    bootClock: { boot: 'one', startedAt: () => 0 },
    // Short files: many of the moments are those in which one ends and the next begins.
    segmentMs: 10_000,
    remux: () => {
      throw new Error('these units come with their fragments');
    },
  });
  await spool.start();
  await spool.settled();
  return { spool, clock };
}
