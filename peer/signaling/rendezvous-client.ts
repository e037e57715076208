import { WebSocket } from 'ws';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { firstOf } from '../../electron/base/first-of.ts';
import { CodedError, type WireError } from '../../electron/base/errors.ts';
import type { Log } from '../../electron/base/log.ts';
import { Backoff } from '../../electron/base/retry.ts';
import type { AddressKey } from '../identity.ts';
import { isRendezvousUrl } from '../pairing/invite.ts';
import { resolveIceServers, type IceOffer, type IceServers } from './ice-servers.ts';
import {
  MAX_RENDEZVOUS_MESSAGE,
  parseJson,
  registrationTranscript,
  RENDEZVOUS_VERSION,
  serverMessage,
  type ClientMessage,
} from './rendezvous-messages.ts';

export interface RendezvousClientOptions {
  /** ws:// or wss:// */
  readonly url: string;
  readonly addressKey: AddressKey;
  readonly clock: Clock;
  readonly log: Log;
  /** A connection whose probe is unanswered after this time, ms, is taken for dead. */
  readonly heartbeatMs?: number;
  readonly backoff?: Backoff;
}

export interface RegisteredState {
  readonly kind: 'registered';
  /** The STUN servers of `ice` that are named by name or IPv4 address. */
  readonly stunUrls: readonly string[];
  readonly ice: IceServers;
}
/** The registered state is said again when `ice` changes: credentials are for a limited time. */
export type RendezvousState = { readonly kind: 'connecting'; readonly error: WireError | null } | RegisteredState;

/** How long a connection may take to be registered, ms. */
const REGISTER_MS = 8_000;
/** What may wait to be sent, bytes; more is refused. */
const MAX_BUFFERED = 512 * 1024;

/** Keeps one registration at a rendezvous, and comes back by itself: Backoff, reset once a registration has held. */
export class RendezvousClient {
  readonly messages = new Emitter<{ readonly from: string; readonly data: Buffer }>();
  /** Addresses that nobody has registered, as the answer to a `send`. */
  readonly unreachable = new Emitter<string>();
  readonly state = new Emitter<RendezvousState>();
  /** It was closed by its owner: who waits for something need not wait longer. */
  readonly ended = new Emitter<CodedError>();
  readonly url: string;
  readonly #options: RendezvousClientOptions;
  readonly #backoff: Backoff;
  readonly #heartbeatMs: number;
  #socket: WebSocket | null = null;
  #timer: Timer | null = null;
  #current: RendezvousState = { kind: 'connecting', error: null };
  #started = false;

  constructor(options: RendezvousClientOptions) {
    this.url = options.url;
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff();
    this.#heartbeatMs = options.heartbeatMs ?? 10_000;
  }

  get current(): RendezvousState {
    return this.#current;
  }

  get address(): string {
    return this.#options.addressKey.address;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#connect();
  }

  close(): void {
    if (!this.#started) return;
    this.#started = false;
    this.#timer?.cancel();
    this.#current = { kind: 'connecting', error: null };
    this.ended.emit(new CodedError('closed', 'The connection to the rendezvous was closed.'));
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
    // A server that does not answer the close must not hold the process.
    const force = socket && this.#options.clock.setTimeout(() => socket.terminate(), 300);
    socket?.once('close', () => force?.cancel());
    for (const emitter of [this.messages, this.unreachable, this.state, this.ended]) emitter.clear();
  }

  /** False when it is not registered now, or too much waits to be sent. */
  send(to: string, data: Uint8Array): boolean {
    const socket = this.#socket;
    if (!socket || this.#current.kind !== 'registered' || socket.bufferedAmount > MAX_BUFFERED) return false;
    this.#say(socket, { type: 'send', to, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64url') });
    return true;
  }

  /** Resolves when registered. @throws CodedError `rendezvous-unreachable` when the first attempt fails or takes `timeoutMs`, `closed` */
  async registered(timeoutMs: number): Promise<RegisteredState> {
    if (this.#current.kind === 'registered') return this.#current;
    return firstOf<RegisteredState>({
      clock: this.#options.clock,
      timeoutMs,
      late: () =>
        new CodedError('rendezvous-unreachable', `The rendezvous ${this.url} does not answer: check the network and its address.`),
      listen: (resolve, reject) => [
        this.state.on((state) => {
          if (state.kind === 'registered') resolve(state);
          else if (state.error) reject(new CodedError('rendezvous-unreachable', state.error.message));
        }),
        this.ended.on(reject),
      ],
    });
  }

  #connect(): void {
    const { clock, url } = this.#options;
    const socket = new WebSocket(url, { maxPayload: MAX_RENDEZVOUS_MESSAGE * 2, perMessageDeflate: false, handshakeTimeout: REGISTER_MS });
    this.#socket = socket;
    let reason: string | null = null;
    let challenged = false;
    this.#timer = clock.setTimeout(() => {
      reason = 'it did not answer in time';
      socket.terminate();
    }, REGISTER_MS);
    socket.on('message', (data, binary) => {
      if (this.#socket !== socket) return;
      const message = binary || !Buffer.isBuffer(data) ? null : parseJson(serverMessage, data.toString('utf8'));
      if (!message) return;
      switch (message.type) {
        case 'challenge':
          if (message.version !== RENDEZVOUS_VERSION)
            reason = `it speaks version ${message.version} of the protocol, this program ${RENDEZVOUS_VERSION}`;
          // Once: a server that asks without end, and reads nothing, would fill our memory with answers.
          else if (!challenged) this.#register(socket, Buffer.from(message.nonce, 'base64url'), message.stunPort);
          challenged = true;
          break;
        case 'registered':
          if (message.address === this.address && this.#current.kind !== 'registered') this.#onRegistered(socket, message.ice);
          break;
        case 'credentials':
          if (this.#current.kind === 'registered') this.#setRegistered(message.ice);
          break;
        case 'message':
          this.messages.emit({ from: message.from, data: Buffer.from(message.data, 'base64url') });
          break;
        case 'unreachable':
          this.unreachable.emit(message.to);
          break;
        case 'error':
          reason = `it refused: ${message.text}`;
          break;
      }
    });
    // Pings are answered by the WebSocket itself.
    socket.on('ping', () => socket.bufferedAmount > MAX_BUFFERED && socket.terminate());
    socket.on('error', (error) => (reason ??= error.message));
    socket.on('close', (code, text) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#onLost(reason ?? (text.length > 0 ? text.toString('utf8') : `the connection ended (${code})`));
    });
  }

  #stunPort: number | null = null;

  #register(socket: WebSocket, nonce: Buffer, stunPort: number | null): void {
    const { addressKey, url } = this.#options;
    const { host } = new URL(url);
    this.#stunPort = stunPort;
    const signature = addressKey.sign(registrationTranscript(nonce, host));
    this.#say(socket, { type: 'register', key: addressKey.publicKey.toString('base64url'), signature: signature.toString('base64url') });
  }

  #onRegistered(socket: WebSocket, offer: IceOffer | undefined): void {
    this.#timer?.cancel();
    let answered = true;
    let proven = false;
    socket.on('pong', () => (answered = true));
    const probe = () => {
      if (this.#socket !== socket) return;
      if (!answered) return socket.terminate();
      // Not before: two programs with one identity would replace each other without end.
      if (proven) this.#backoff.reset();
      proven = true;
      answered = false;
      socket.ping();
      this.#timer = this.#options.clock.setTimeout(probe, this.#heartbeatMs);
    };
    this.#timer = this.#options.clock.setTimeout(probe, this.#heartbeatMs);
    // Servers before 0.2 name a STUN port, and nothing more.
    const stun = this.#stunPort === null ? [] : [`stun::${this.#stunPort}`];
    this.#setRegistered(offer ?? { stun, turn: [] });
  }

  #onLost(why: string): void {
    this.#timer?.cancel();
    if (!this.#started) return;
    const delayMs = this.#backoff.next();
    this.#options.log.warn('rendezvous lost', { url: this.url, why, retryMs: Math.round(delayMs) });
    this.#timer = this.#options.clock.setTimeout(() => this.#connect(), delayMs);
    this.#set({
      kind: 'connecting',
      error: {
        code: 'rendezvous-unreachable',
        message: `The rendezvous ${this.url} cannot be reached (${why}): check the network and its address.`,
      },
    });
  }

  #setRegistered(offer: IceOffer): void {
    const ice = resolveIceServers(offer, this.url);
    // The ICE library takes names and IPv4 addresses only.
    this.#set({ kind: 'registered', stunUrls: ice.stun.filter((url) => !url.includes('[')), ice });
  }

  #set(state: RendezvousState): void {
    this.#current = state;
    this.state.emit(state);
  }

  #say(socket: WebSocket, message: ClientMessage): void {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }
}

/** @throws CodedError `usage` when `url` is no ws:// or wss:// URL, or carries a password. */
export function checkRendezvousUrl(url: string): string {
  if (!isRendezvousUrl(url)) {
    throw new CodedError('usage', `"${url}" is no rendezvous URL: it begins with ws:// or wss://, as in ws://203.0.113.7:8485.`);
  }
  return url;
}
