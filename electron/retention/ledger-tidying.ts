import { utcMs, type UtcMs } from '../base/units.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraRow } from '../storage/interface.ts';
import { DAY_MS } from './rules.ts';

/** Reasons this young are left as they were noted. */
const FRESH_MS = 2 * DAY_MS;
/** Events are kept so long, whether there is footage of them or not. */
const EVENTS_MS = 30 * DAY_MS;

/**
 * Of the time before the oldest footage: events go, and reasons that changed many times a quarter of an hour become one a reason. How long each
 * reason lasted stays exact, so what the ledger sums up to does not change.
 */
export async function tidyLedger(
  storage: Pick<Storage, 'call'>,
  cameras: readonly CameraRow[],
  now: UtcMs,
  stopped: () => boolean,
): Promise<void> {
  for (const { key: camera } of cameras) {
    const begin = (await storage.call('cameraBegin', { camera })) ?? now;
    const before = utcMs(Math.min(begin, now - FRESH_MS));
    while (!stopped() && (await storage.call('forgetEvents', { camera, before: utcMs(Math.min(begin, now - EVENTS_MS)) })) > 0);
    for (let from: UtcMs | null = utcMs(0); from !== null && !stopped();) from = await storage.call('foldGaps', { camera, from, before });
  }
}
