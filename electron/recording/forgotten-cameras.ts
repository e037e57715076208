import type { Log } from '../base/log.ts';
import type { CameraId } from '../contract/model.ts';
import type { Storage } from '../storage/client.ts';

/** Rows that go at a time: other queries wait meanwhile. */
const STEP = 200;

export interface ForgottenOptions {
  readonly storage: Pick<Storage, 'call'>;
  readonly log: Log;
  /** Called behind each step with the milliseconds that it took: resolves when the next may begin. */
  readonly pause: (tookMs: number) => Promise<void>;
  readonly stopped: () => boolean;
  /** Segments that went with a step. */
  readonly forgot: (segments: number) => void;
}

/**
 * What is left in the index of cameras that were removed with their recordings, step by step. What a killed process left over goes at the next
 * call. Resolves when nothing is left, or soon after it is stopped. Errors: those of the database.
 */
export async function forgetRemoved({ storage, log, pause, stopped, forgot }: ForgottenOptions): Promise<void> {
  const byCamera = new Map<CameraId, number>();
  while (!stopped()) {
    const began = performance.now();
    const step = await storage.call('forgetRemoved', { limit: STEP });
    if (!step) break;
    forgot(step.segments);
    const gone = (byCamera.get(step.camera) ?? 0) + step.segments;
    byCamera.set(step.camera, gone);
    if (step.done) log.info('a camera that was removed with its recordings has left the index', { camera: step.camera, segments: gone });
    await pause(performance.now() - began);
  }
}
