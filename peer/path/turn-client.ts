import { isIP, isIPv6 } from 'node:net';
import {
  classes,
  makeIntegrityKey,
  Message,
  methods,
  StunOverTurnProtocol,
  TcpTransport,
  TlsTransport,
  TurnProtocol,
  UdpTransport,
} from 'werift';
import { firstOf } from '../../electron/base/first-of.ts';
import type { Clock } from '../../electron/base/clock.ts';
import { CodedError } from '../../electron/base/errors.ts';
import { ATTRIBUTE, hasIntegrity, parseStun, STUN_CLASS } from '../stun/message.ts';

export interface TurnServer {
  /** `turn:host:port?transport=udp|tcp` or `turns:host:port?transport=tcp` (RFC 7065) */
  readonly url: string;
  readonly username: string;
  readonly credential: string;
}

export type TurnTransport = 'udp' | 'tcp' | 'tls';

export interface TurnAddress {
  readonly host: string;
  readonly port: number;
  readonly transport: TurnTransport;
}

const ALLOCATION_S = 600;
/** A permission lasts 300 s (RFC 8656 §9); the library renews it by binding the channel anew, by default every 500 s. */
const CHANNEL_REFRESH_S = 240;
/** Closing waits this long at most for the server to take its allocation back, ms. */
const FREE_MS = 300;
const AUTHENTICATION = new Set(['MESSAGE-INTEGRITY', 'MESSAGE-INTEGRITY-SHA256', 'FINGERPRINT', 'USERNAME', 'REALM', 'NONCE']);
const UNAUTHORIZED = 401;
const STALE_NONCE = 438;
/** Asked for credentials once, told of a stale nonce once or twice: more is a server that plays games. */
const MAX_ANSWERS = 4;

/** Null for what is no TURN URL. */
export function parseTurnUrl(url: string): TurnAddress | null {
  const [, scheme, bracketed, plain, port, transport] =
    /^(turns?):(?:\[([0-9a-f:.]+)\]|([^[\]:/?\s]+))(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/i.exec(url) ?? [];
  const host = bracketed ?? plain;
  const secure = scheme?.toLowerCase() === 'turns';
  const number = port === undefined ? (secure ? 5349 : 3478) : Number(port);
  if (!scheme || !host || number < 1 || number > 65535 || (secure && transport === 'udp')) return null;
  return { host, port: number, transport: secure ? 'tls' : transport?.toLowerCase() === 'tcp' ? 'tcp' : 'udp' };
}

/**
 * The library's TURN client (RFC 8656) with what it leaves undone: it survives a stale nonce, says when it is refused, and
 * gives its allocation back.
 */
class Allocation extends TurnProtocol {
  #freed = false;
  #clock: Clock | null = null;

  async allocate(clock: Clock): Promise<void> {
    this.#clock = clock;
    const allocated = this.connectionMade();
    const { onData } = this.transport;
    this.transport.onData = (data, from) => {
      this.#admitStaleNonce(data);
      onData(data, from);
    };
    await allocated;
  }

  /**
   * A server that tells of a stale nonce cannot sign that (RFC 8489 §9.2.4), and the library drops what is not signed. Over a
   * stream such an answer comes whole, as the client has one question at a time.
   */
  #admitStaleNonce(data: Buffer): void {
    const answer = parseStun(data);
    if (answer?.class !== STUN_CLASS.error) return;
    const reason = answer.attributes.find(({ type }) => type === ATTRIBUTE.errorCode)?.value;
    const code = reason && reason.length >= 4 ? (reason[2] ?? 0) * 100 + (reason[3] ?? 0) : 0;
    const asked = this.transactions[answer.transactionId.toString('hex')];
    if (!asked?.integrityKey || (code !== STALE_NONCE && code !== UNAUTHORIZED) || hasIntegrity(answer, asked.integrityKey)) return;
    Reflect.set(asked, 'integrityKey', undefined);
  }

  /** As the library's, but each try is a message of its own: it would sign a second time over its first signature. */
  override async requestWithRetry(
    request: Message,
    address: readonly [string, number],
    signal?: AbortSignal,
  ): ReturnType<TurnProtocol['requestWithRetry']> {
    const asked = request.toJSON().attributes.filter(([name]) => !AUTHENTICATION.has(name));
    for (let answers = 1; ; answers += 1) {
      const message = new Message(request.messageMethod, request.messageClass, undefined, [...asked]);
      try {
        return await this.request(message, address, undefined, signal ? { signal } : {});
      } catch (error) {
        const response: unknown = error instanceof Error ? Reflect.get(error, 'response') : null;
        if (!(response instanceof Message)) throw error;
        const [code] = response.getAttributeValue('ERROR-CODE') as [number, string];
        const nonce: Buffer | undefined = response.getAttributeValue('NONCE');
        const realm: string | undefined = response.getAttributeValue('REALM');
        const first = code === UNAUTHORIZED && !this.integrityKey && realm !== undefined;
        if (answers >= MAX_ANSWERS || !nonce || !(first || (code === STALE_NONCE && this.realm !== undefined))) {
          throw new CodedError(code === UNAUTHORIZED ? 'relay-refused' : 'relay-unreachable', refusal(code));
        }
        this.nonce = nonce;
        if (first) {
          this.realm = realm;
          this.integrityKey = makeIntegrityKey(this.username, realm, this.password);
        }
      }
    }
  }

  override async close(): Promise<void> {
    if (!this.#freed && this.relayedAddress) {
      this.#freed = true;
      const refresh = new Message(methods.REFRESH, classes.REQUEST).setAttribute('LIFETIME', 0);
      const freed = this.requestWithRetry(refresh, this.server).catch(() => {});
      const clock = this.#clock;
      if (clock) {
        const late = () => new CodedError('closed', 'The relay did not answer.');
        await firstOf<unknown>({ clock, timeoutMs: FREE_MS, late, listen: (resolve) => (void freed.then(resolve), []) }).catch(() => {});
      }
    }
    await super.close();
  }
}

const refusal = (code: number): string =>
  code === UNAUTHORIZED
    ? 'The relay does not accept the user or the password it was given.'
    : `The relay refuses to carry this connection (its answer was ${code}).`;

/**
 * An allocation on a TURN server, as a protocol that the library's ICE can use.
 * @throws CodedError `relay-refused` when the server does not take the credentials, `relay-unreachable` for all else
 */
export async function allocateRelay(server: TurnServer, clock: Clock, signal: AbortSignal): Promise<StunOverTurnProtocol> {
  const address = parseTurnUrl(server.url);
  if (!address) throw new CodedError('relay-unreachable', `"${server.url}" is no address of a TURN server.`);
  const { host, port, transport } = address;
  const open = {
    udp: () => UdpTransport.init(isIPv6(host) ? 'udp6' : 'udp4'),
    tcp: () => TcpTransport.init([host, port], { connectTimeoutMs: 5_000 }),
    tls: () => TlsTransport.init([host, port], isIP(host) ? {} : { servername: host }, { connectTimeoutMs: 5_000 }),
  }[transport];
  let allocation: Allocation | null = null;
  try {
    // Its stream transports say `undefined` where its interface says optional.
    const wire = (await open()) as ConstructorParameters<typeof TurnProtocol>[4];
    allocation = new Allocation([host, port], server.username, server.credential, ALLOCATION_S, wire, {
      channelRefreshTime: CHANNEL_REFRESH_S,
    });
    const made = allocation;
    // A request cannot be called off in the library; closing its transport ends it.
    const onAbort = () => void made.close();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (signal.aborted) throw new CodedError('closed', 'Another way to a relay was quicker.');
      await allocation.allocate(clock);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    return new StunOverTurnProtocol(allocation);
  } catch (error) {
    await allocation?.close().catch(() => {});
    if (error instanceof CodedError) throw error;
    throw new CodedError('relay-unreachable', `The relay ${host}:${port} does not answer over ${transport.toUpperCase()}.`, {
      cause: error,
    });
  }
}
