import type { Socket } from 'node:dgram';
import { delay, type Clock } from '../../electron/base/clock.ts';
import { predictPorts } from '../nat/allocation.ts';
import type { PunchBudget } from '../nat/punch-budget.ts';
import { punch } from '../nat/punch.ts';
import type { NatSummary } from '../nat/report.ts';
import { StunSocket } from '../nat/stun-socket.ts';
import { stunServerName } from '../nat/stun-url.ts';
import { systemNetwork } from '../nat/nat-network.ts';
import { closeUdp, openUdp } from '../nat/udp.ts';
import { type IcePath } from './ice-path.ts';
import type { PunchTarget } from './path-messages.ts';

export type PunchSide = 'hard' | 'easy';

/** A head start for the hard side to open its sockets, ms; before that the easy side's probes meet nothing. */
const EASY_WAITS_MS = 400;
/** How many of the next ports are guessed where ports are given in a row. */
const PREDICTED = 64;
const MAX_SERVERS = 3;

const isHard = ({ mapping }: NatSummary): boolean => mapping === 'address-and-port-dependent' || mapping === 'address-dependent';
const isEasy = ({ mapping }: NatSummary): boolean => mapping === 'none' || mapping === 'endpoint-independent';

/** Which side `mine` is when punching can help: one NAT gives each destination a port of its own, the other does not. */
export function punchSide(mine: NatSummary | null, theirs: NatSummary | null): PunchSide | null {
  if (!mine || !theirs) return null;
  if (isHard(mine) && isEasy(theirs) && mine.publicAddress) return 'hard';
  if (isEasy(mine) && isHard(theirs) && theirs.publicAddress) return 'easy';
  return null;
}

/** One end's part of a punch: what it tells the other, and the socket that goes with it. */
export interface PunchPart {
  readonly side: PunchSide;
  readonly target: PunchTarget;
  /** Of the easy side. */
  readonly socket: Socket | null;
}

/** Asks a STUN server where this end can be punched; null when none answers, or it makes no sense. */
export async function preparePunch(
  side: PunchSide,
  mine: NatSummary | null,
  stun: readonly string[],
  clock: Clock,
): Promise<PunchPart | null> {
  const asking = new StunSocket(await openUdp('0.0.0.0'), clock);
  const seen = await firstMapped(asking, stun).catch(() => null);
  const socket = asking.release();
  if (side === 'easy' && seen) return { side, target: { ...seen, predicted: [] }, socket };
  closeUdp(socket);
  const address = seen?.address ?? mine?.publicAddress;
  if (side === 'easy' || !address) return null;
  const step = mine?.allocation === 'sequential' ? mine.allocationStep : null;
  const predicted = seen && step !== null ? predictPorts(seen.port, step, PREDICTED) : [];
  return { side, target: { address, port: seen?.port ?? null, predicted }, socket: null };
}

/** The first answer of three servers. @throws when none answers */
function firstMapped(socket: StunSocket, stun: readonly string[]): Promise<{ address: string; port: number }> {
  const servers = stun.flatMap((url) => stunServerName(url) ?? []);
  const asked = servers.slice(0, MAX_SERVERS).map(async ({ host, port }) => {
    const address = await systemNetwork.resolve(host, 4);
    const answer = address === null ? null : await socket.ask({ address, port });
    if (!answer || answer === 'refused') throw new Error('no answer');
    return answer.mapped;
  });
  return Promise.any(asked);
}

/**
 * Punches, and gives the socket that came of it to `path`, whose checks go to the address that was found.
 * @returns the candidate of the other end; null when none was found: the socket is closed then
 */
export async function runPunch(
  part: PunchPart,
  their: PunchTarget,
  key: Buffer,
  path: IcePath,
  options: { readonly clock: Clock; readonly budget: Partial<PunchBudget>; readonly signal: AbortSignal },
): Promise<string | null> {
  const { clock, budget, signal } = options;
  const common = { key, budget, clock, signal };
  if (part.side === 'easy') await delay(clock, EASY_WAITS_MS);
  const punched =
    part.side === 'hard'
      ? their.port === null
        ? null
        : await punch({ ...common, side: 'hard', remote: { address: their.address, port: their.port } })
      : part.socket &&
        (await punch({
          ...common,
          side: 'easy',
          socket: part.socket,
          remote: { address: their.address, ...(their.port === null ? {} : { port: their.port }) },
          predicted: their.predicted,
        }));
  if (!punched) {
    if (part.socket) closeUdp(part.socket);
    return null;
  }
  path.adopt(punched.socket);
  return `punched 1 udp 1862270975 ${punched.remote.address} ${punched.remote.port} typ srflx raddr 0.0.0.0 rport 9`;
}
