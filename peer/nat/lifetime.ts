import { randomBytes } from 'node:crypto';
import type { Clock } from '../../electron/base/clock.ts';
import { delay } from '../../electron/base/clock.ts';
import type { Endpoint } from '../stun/address.ts';
import { answered, type OpenStun } from './probes.ts';
import type { StunSocket } from './stun-socket.ts';

/** RFC 4787 REQ-5 asks for two minutes at least, and five by default; many give 30 s. */
export const LIFETIME_STEPS_S: readonly number[] = [10, 20, 30, 45, 60, 90, 120, 180, 240, 300];
const HEAR_MS = 1_500;

export interface Lifetime {
  /** An unused mapping was still there after so long, s. */
  readonly atLeastS: number;
  /** And was gone after so long; null: it outlived the test. */
  readonly goneByS: number | null;
}

/**
 * RFC 5780 §4.6, for all times at once, each with a mapping of its own that is used by nobody meanwhile: after its time the
 * server is asked, from another socket, to send to that mapping. Takes as long as the mappings live, and the longest time at
 * most. Null when the server does not do this, or when it is aborted.
 */
export async function lifetimeOf(
  server: Endpoint,
  open: OpenStun,
  clock: Clock,
  { steps = LIFETIME_STEPS_S, signal }: { steps?: readonly number[]; signal?: AbortSignal | undefined } = {},
): Promise<Lifetime | null> {
  const asker = await open();
  const sockets: StunSocket[] = [];
  try {
    // Each time its own socket: what is sent to a mapping may keep it alive.
    for (let count = 0; count <= steps.length; count += 1) sockets.push(await open());
    const mapped = await Promise.all(sockets.map(async (socket) => answered(await socket.ask(server))?.mapped ?? null));
    const began = clock.monotonic();
    const isAlive = async (index: number) => {
      const [socket, at] = [sockets[index], mapped[index]];
      if (!socket || !at) return false;
      const transaction = randomBytes(12);
      const heard = socket.heard(transaction, HEAR_MS);
      asker.sendResponseTo(server, at.port, transaction);
      return heard;
    };
    // A server that does not know RESPONSE-PORT answers to nobody, or to the asker: then nothing can be learnt.
    if (!(await isAlive(steps.length))) return null;
    let atLeastS = 0;
    for (const [index, seconds] of steps.entries()) {
      if (!mapped[index]) continue;
      await Promise.race([delay(clock, Math.max(0, seconds * 1000 - (clock.monotonic() - began))), aborted(signal)]);
      if (signal?.aborted) return null;
      if (!(await isAlive(index))) return { atLeastS, goneByS: seconds };
      atLeastS = seconds;
    }
    return { atLeastS, goneByS: null };
  } finally {
    for (const socket of [asker, ...sockets]) socket.close();
  }
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
}
