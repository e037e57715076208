import { Candidate, candidateFoundation, candidatePriority, StunProtocol, type Connection, type StunOverTurnProtocol } from 'werift';
import type { CandidatePair } from 'werift';
import { hasIntegrity, ipBytes, parseStun } from '../stun/message.ts';

/**
 * What we need of the library's ICE and it keeps to itself; in one place, and each with a check, so that another version of
 * it is noticed. `docs/werift.md` lists why.
 */
export type IceProtocol = StunProtocol | StunOverTurnProtocol;

function method(connection: object, name: string): (...args: unknown[]) => unknown {
  const found: unknown = Reflect.get(connection, name);
  if (typeof found !== 'function') throw new Error(`werift has changed: ${name} is gone`);
  return (...args) => Reflect.apply(found, connection, args);
}

/**
 * Lets through only STUN requests made with our ICE password: the library would answer anybody, take the sender for a
 * candidate, and change its role at his word. DTLS and media are taken only from where the other end is: its candidates, those
 * of its checks included; one plain record of anybody else would spoil a DTLS handshake. To be called before candidates are gathered.
 */
export function requireStunIntegrity(connection: Connection): void {
  const original = method(connection, 'ensureProtocol');
  Reflect.set(connection, 'ensureProtocol', (protocol: IceProtocol): unknown => {
    refuseStrangers(protocol, () => connection.remoteCandidates);
    const { execute } = protocol.onRequestReceived;
    protocol.onRequestReceived.execute = (message, from, data) => {
      const request = parseStun(data);
      if (request && hasIntegrity(request, Buffer.from(connection.localPassword))) execute(message, from, data);
    };
    return original(protocol);
  });
}

/** RFC 7983 §7: the first byte of a STUN message is at most 3. */
const isStun = (data: Buffer): boolean => (data[0] ?? 0) < 4;
const endpoint = (host: string, port: number): string => `${ipBytes(host)?.toString('hex')} ${port}`;

function refuseStrangers(protocol: IceProtocol, candidates: () => readonly { readonly host: string; readonly port: number }[]): void {
  const name = protocol instanceof StunProtocol ? 'datagramReceived' : 'handleStunMessage';
  const received = method(protocol, name);
  /** As the system writes the address. */
  const known = new Set<string>();
  const isKnown = ([host, port]: readonly [string, number]): boolean => {
    const from = `${host} ${port}`;
    if (known.has(from)) return true;
    const wanted = endpoint(host, port);
    if (!candidates().some((candidate) => endpoint(candidate.host, candidate.port) === wanted)) return false;
    known.add(from);
    return true;
  };
  Reflect.set(protocol, name, (data: Buffer, from: readonly [string, number]): void => {
    if (isStun(data) || isKnown(from)) received(data, from);
  });
}

/** Makes a protocol of our own part of a connection, with its candidate. */
export function adoptProtocol(connection: Connection, protocol: IceProtocol, candidate: Candidate): void {
  protocol.localCandidate = candidate;
  method(connection, 'ensureProtocol')(protocol);
  protocolsOf(connection).push(protocol);
  connection.localCandidates.push(candidate);
  for (const remote of connection.remoteCandidates) method(connection, 'tryPair')(protocol, remote);
}

export function protocolsOf(connection: Connection): IceProtocol[] {
  const protocols: unknown = Reflect.get(connection, 'protocols');
  if (!Array.isArray(protocols)) throw new Error('werift has changed: protocols is gone');
  return protocols as IceProtocol[];
}

/** Pairs every remote candidate with every protocol anew: those that a filter held back come in. */
export function pairAgain(connection: Connection): void {
  const pair = method(connection, 'pairRemoteCandidate');
  for (const remote of connection.remoteCandidates) pair(remote);
}

/** One authenticated Binding request on a pair, as RFC 7675 §5.1 has it; resolves to its round trip in ms. */
export async function checkPair(connection: Connection, pair: CandidatePair, timeoutMs: number): Promise<number> {
  const { localUsername, remoteUsername, iceControlling } = connection;
  const { localCandidate } = pair;
  const request = method(connection, 'buildRequest')({ nominate: false, localUsername, remoteUsername, iceControlling, localCandidate });
  const sentAt = performance.now();
  const key = Buffer.from(connection.remotePassword);
  await pair.protocol.request(request as Parameters<IceProtocol['request']>[0], pair.remoteAddr, key, {
    retransmissions: 0,
    responseTimeout: timeoutMs,
  });
  return performance.now() - sentAt;
}

/** `base` is the host candidate whose socket it is (RFC 8445 §5.1.1.2). */
export function candidateOf(
  type: 'host' | 'srflx' | 'relay',
  host: string,
  port: number,
  base?: { readonly host: string; readonly port: number },
): Candidate {
  return new Candidate(
    candidateFoundation(type, 'udp', base?.host ?? host),
    1,
    'udp',
    candidatePriority(type, { transport: 'udp' }),
    host,
    port,
    type,
    base?.host,
    base?.port,
  );
}

/** Kernel buffers for about a second of video: the default of some 90 packets overflows whenever the event loop stalls. */
export function enlargeSocketBuffers(connection: Connection, bytes = 2_000_000): void {
  for (const { protocol } of connection.candidatePairs) {
    if (!(protocol instanceof StunProtocol) || protocol.transport.closed) continue;
    try {
      protocol.transport.socket.setRecvBufferSize(bytes);
      protocol.transport.socket.setSendBufferSize(bytes);
    } catch {
      // A system that allows no more keeps its default: more loss under load, nothing else.
    }
  }
}
