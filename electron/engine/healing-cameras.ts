import type { Clock } from '../base/clock.ts';
import type { HealableCamera } from '../healing/camera.ts';
import type { Playback } from '../playback/playback.ts';
import type { Cameras } from './cameras.ts';
import type { Events } from './events.ts';
import { mayFetchByRelay } from './paths/relay-budget.ts';

/** The cameras as healing sees them. */
export function healableCameras(
  cameras: Pick<Cameras, 'all'>,
  { playback, events, clock }: { playback: Playback; events: Events; clock: Clock },
): HealableCamera[] {
  return cameras.all().map(({ key, work }) => {
    const { record, paths } = work;
    const { id, name, createdAt } = record;
    return {
      id,
      key,
      name,
      createdAt,
      settings: () => record.recordingSettings,
      spool: () => work.spool(),
      mayRelay: () => mayFetchByRelay(paths.relay.policy, paths.relay.bytes, clock.now()),
      gaps: async (range) => (await playback.recordings({ camera: id, ...range })).gaps,
      added: ({ from, to }) => events.emit({ kind: 'recording.added', camera: id, from, to }),
    };
  });
}
