import { CodedError } from '../base/errors.ts';
import type { CallArgs } from '../contract/api.ts';
import type { CameraEvent } from '../contract/model.ts';
import { toEvent } from '../detection/event-log.ts';
import type { Storage } from '../storage/client.ts';

const DEFAULT_LIMIT = 500;

/** Events of one camera (also a removed one), or of all; in the order of their start. Errors: `not-found`. */
export async function queryEvents(storage: Pick<Storage, 'call'>, query: CallArgs<'events.query'>): Promise<readonly CameraEvent[]> {
  const { camera: id, from, to, kind, limit = DEFAULT_LIMIT } = query;
  const one = id === undefined ? null : await storage.call('camera', { id });
  if (id !== undefined && !one) throw new CodedError('not-found', `There is no camera ${id}.`);
  const cameras = one ? [one] : await storage.call('cameras', {});
  const lists = await Promise.all(
    cameras.map(async (camera) =>
      (await storage.call('events', { camera: camera.key, from, to, kind, limit })).map((row) => toEvent(camera.id, row)),
    ),
  );
  return lists
    .flat()
    .sort((a, b) => a.from - b.from || a.id - b.id)
    .slice(0, limit);
}
