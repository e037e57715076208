import type { Clock } from '../../electron/base/clock.ts';

const TICK_MS = 10;

/**
 * Calls `step` up to `perSecond` times a second until it returns false. A late timer is made up for by 50 ms' worth at most:
 * a burst would fill a router's queue.
 * @returns stops it
 */
export function pace(clock: Clock, perSecond: number, step: () => boolean): () => void {
  let owed = 1;
  let at = clock.monotonic();
  let stopped = false;
  const tick = () => {
    const now = clock.monotonic();
    owed = Math.min(owed + ((now - at) * perSecond) / 1000, Math.max(1, perSecond * 0.05));
    at = now;
    for (; owed >= 1 && !stopped; owed -= 1) stopped = !step();
    if (!stopped) timer = clock.setTimeout(tick, TICK_MS);
  };
  let timer = clock.setTimeout(tick, 0);
  return () => {
    stopped = true;
    timer.cancel();
  };
}
