import { isIP } from 'node:net';
import { serverReflexiveCandidate, StunProtocol, type Candidate, type Connection } from 'werift';
import type { Clock } from '../../electron/base/clock.ts';
import { asCoded, type CodedError } from '../../electron/base/errors.ts';
import { firstOf } from '../../electron/base/first-of.ts';
import type { Log } from '../../electron/base/log.ts';
import { stunServerName } from '../nat/stun-url.ts';
import { adoptProtocol, candidateOf, protocolsOf } from './ice-library.ts';
import { chooseRelay } from './relay-choice.ts';
import type { TurnServer } from './turn-client.ts';

/** A port of the router that leads to one of ours (PCP, NAT-PMP, UPnP-IGD). */
export interface MappedPort {
  readonly externalAddress: string;
  readonly externalPort: number;
  close(): void | Promise<void>;
}

export interface IceOptions {
  /** `stun:host:port`; all are asked at once, the first answer counts. */
  readonly stun: readonly string[];
  readonly turn: readonly TurnServer[];
  /** `relay`: nothing but relay candidates. `direct`: no relay, neither ours nor theirs. */
  readonly policy: 'all' | 'relay' | 'direct';
  /** Asks the router for a way in; null where it gives none. */
  readonly mapPort?: (port: number, address: string) => Promise<MappedPort | null>;
}

/** Waits for what is asked of servers and routers, ms: what comes later is left out. */
const STUN_MS = 1_000;
const MAP_MS = 1_200;
const MAX_STUN_SERVERS = 4;

/** What was had besides candidates. */
export interface Gathered {
  /** To be given back with the path. */
  readonly mapped: readonly MappedPort[];
  /** Why there is no relay, when one was wanted. */
  readonly relayFailure: CodedError | null;
}

/** Opens the sockets of a connection and learns its candidates (RFC 8445 §5.1), all at the same time. Never fails. */
export async function gatherCandidates(connection: Connection, ice: IceOptions, clock: Clock, log: Log): Promise<Gathered> {
  const relay = ice.policy === 'direct' || ice.turn.length === 0 ? null : gatherRelay(connection, ice.turn, clock, log);
  await connection.gatherCandidates();
  const sockets = protocolsOf(connection).filter((protocol) => protocol instanceof StunProtocol);
  const v4 = sockets.flatMap((socket) => {
    const base = socket.localCandidate;
    // IPv6 is not translated: a host candidate says it all.
    return base && isIP(base.host) === 4 ? { socket, base } : [];
  });
  const asked = Promise.all(v4.map(({ socket, base }) => askStun(connection, socket, base, ice.stun, clock)));
  const mapped = await Promise.all(v4.map(({ base }) => askRouter(connection, base, ice.mapPort, clock)));
  await asked;
  return { mapped: mapped.filter((port) => port !== null), relayFailure: await relay };
}

async function gatherRelay(connection: Connection, servers: readonly TurnServer[], clock: Clock, log: Log): Promise<CodedError | null> {
  try {
    const relay = await chooseRelay(servers, clock);
    const [host, port] = relay.turn.relayedAddress;
    const [mappedHost, mappedPort] = relay.turn.mappedAddress;
    adoptProtocol(connection, relay, candidateOf('relay', host, port, { host: mappedHost, port: mappedPort }));
    return null;
  } catch (error) {
    const failure = asCoded(error);
    log.warn('no relay', { why: failure.message });
    return failure;
  }
}

/** The first server's answer counts. */
async function askStun(
  connection: Connection,
  socket: StunProtocol,
  base: Candidate,
  urls: readonly string[],
  clock: Clock,
): Promise<void> {
  const servers = urls.flatMap((url) => stunServerName(url) ?? []).filter(({ host }) => isIP(host) !== 6);
  const queries = servers.slice(0, MAX_STUN_SERVERS).map(async ({ host, port }) => {
    const found = await serverReflexiveCandidate(socket, [host, port]);
    if (!found) throw new Error('no answer');
    return found;
  });
  const found = await within(clock, STUN_MS, Promise.any(queries));
  if (found) addReflexive(connection, found.host, found.port, base);
}

async function askRouter(
  connection: Connection,
  base: Candidate,
  mapPort: IceOptions['mapPort'],
  clock: Clock,
): Promise<MappedPort | null> {
  if (!mapPort) return null;
  const asked = mapPort(base.port, base.host);
  const mapped = await within(clock, MAP_MS, asked);
  if (mapped) addReflexive(connection, mapped.externalAddress, mapped.externalPort, base);
  else void asked.then((late) => late?.close()).catch(() => {});
  return mapped;
}

function addReflexive({ localCandidates }: Connection, host: string, port: number, base: Candidate): void {
  if (localCandidates.some((candidate) => candidate.host === host && candidate.port === port)) return;
  localCandidates.push(candidateOf('srflx', host, port, base));
}

/** Null when it fails, or takes longer. */
function within<T>(clock: Clock, timeoutMs: number, promise: Promise<T>): Promise<T | null> {
  const listen = (resolve: (value: T | null) => void) => {
    promise.then(resolve, () => resolve(null));
    return [];
  };
  return firstOf<T | null>({ clock, timeoutMs, late: () => new Error('late'), listen }).catch(() => null);
}
