import { randomBytes } from 'node:crypto';
import type { Clock } from '../../electron/base/clock.ts';
import { delay } from '../../electron/base/clock.ts';
import type { Endpoint } from '../stun/address.ts';
import { allocationOf, type AllocationPattern } from './allocation.ts';
import { same } from './behaviour.ts';
import type { NatFiltering } from './report.ts';
import type { BindingAnswer, StunSocket } from './stun-socket.ts';

/** Opens a socket on the address that discovery uses; whoever opens it closes it. */
export type OpenStun = () => Promise<StunSocket>;

const HAIRPIN_MS = 1_000;
const ALLOCATION_SOCKETS = 6;
/** Apart, so that they leave in order. */
const ALLOCATION_GAP_MS = 5;

/**
 * RFC 5780 §4.4, with a socket that has spoken to nobody but the server's main address: who else gets through to it.
 * `unknown` when the server does not answer from elsewhere.
 */
export async function filteringOf(server: Endpoint, open: OpenStun): Promise<NatFiltering> {
  const socket = await open();
  try {
    const first = answered(await socket.ask(server));
    if (!first?.other || first.other.address === server.address) return 'unknown';
    const [both, port] = await Promise.all([
      socket.ask(server, { change: { address: true, port: true } }),
      socket.ask(server, { change: { address: false, port: true } }),
    ]);
    if (both === 'refused' || port === 'refused') return 'unknown';
    if (both) return 'endpoint-independent';
    return port ? 'address-dependent' : 'address-and-port-dependent';
  } finally {
    socket.close();
  }
}

/** RFC 5780 §4.5: whether two sockets of this machine, each of which sends to the other's public endpoint, hear each other. Null: not known. */
export async function hairpinOf(server: Endpoint, open: OpenStun): Promise<boolean | null> {
  const [one, other] = await Promise.all([open(), open()]);
  try {
    const [mine, theirs] = (await Promise.all([one.ask(server), other.ask(server)])).map(answered);
    if (!mine || !theirs || same(mine.mapped, theirs.mapped)) return null;
    const [there, back] = [randomBytes(12), randomBytes(12)];
    const heard = [other.heard(there, HAIRPIN_MS), one.heard(back, HAIRPIN_MS)];
    one.send(theirs.mapped, there);
    other.send(mine.mapped, back);
    return await Promise.any(heard.map(async (came) => (await came) || Promise.reject(new Error('not heard')))).catch(() => false);
  } finally {
    one.close();
    other.close();
  }
}

/** How the ports of new mappings follow each other, from some that are opened in a row towards one server. */
export async function allocationTest(server: Endpoint, open: OpenStun, clock: Clock): Promise<AllocationPattern> {
  const sockets = await Promise.all(Array.from({ length: ALLOCATION_SOCKETS }, open));
  try {
    const answers: Promise<BindingAnswer | 'refused' | null>[] = [];
    for (const socket of sockets) {
      answers.push(socket.ask(server));
      await delay(clock, ALLOCATION_GAP_MS);
    }
    const seen = await Promise.all(answers);
    return allocationOf(
      seen.flatMap((answer, index) => {
        const found = answered(answer);
        return found ? { local: sockets[index]?.port ?? 0, mapped: found.mapped.port } : [];
      }),
    );
  } finally {
    for (const socket of sockets) socket.close();
  }
}

export function answered(answer: BindingAnswer | 'refused' | null): BindingAnswer | null {
  return answer === 'refused' ? null : answer;
}
