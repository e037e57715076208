import type { Clock, Timer } from '../electron/base/clock.ts';
import { Backoff } from '../electron/base/retry.ts';
import type { EngineClient, Subscription } from '../electron/contract/client.ts';
import type { Camera, CameraId } from '../electron/contract/model.ts';

export interface SessionEvent {
  readonly event: 'session';
  readonly camera: CameraId;
  readonly peer: string;
  readonly path: string;
  readonly rttMs: number | null;
}

/** Tells scripts of each peer-to-peer session that begins or takes another path, as the camera's side does. Returns what stops it. */
export function tellSessions(engine: () => Promise<EngineClient>, clock: Clock, tell: (event: SessionEvent) => void): () => void {
  const told = new Map<CameraId, string>();
  const backoff = new Backoff();
  let stopped = false;
  let timer: Timer | undefined;
  let subscription: Subscription | undefined;

  const see = ({ id, source, state, path }: Camera) => {
    if (source.kind !== 'p2p' || state !== 'live' || !path) {
      told.delete(id);
      return;
    }
    const session = `${path.kind} ${path.local} ${path.remote}`;
    if (told.get(id) === session) return;
    told.set(id, session);
    tell({ event: 'session', camera: id, peer: source.fingerprint, path: path.kind, rttMs: path.rttMs });
  };
  const again = () => {
    if (!stopped) timer = clock.setTimeout(() => void open(), backoff.next());
  };
  const open = async () => {
    try {
      const client = await engine();
      if (stopped) return;
      subscription = client.open(
        'events',
        {},
        { item: (broadcast) => void (broadcast.kind === 'camera.changed' && see(broadcast.camera)), end: again },
      );
      (await client.call('cameras.list', {})).forEach(see);
      backoff.reset();
    } catch {
      // A client that broke ends its stream too, which asks again.
      if (!subscription) again();
    }
  };
  void open();
  return () => {
    stopped = true;
    timer?.cancel();
    subscription?.close();
  };
}
