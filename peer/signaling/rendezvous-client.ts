import type { Clock, Timer } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { firstOf } from '../../electron/base/first-of.ts';
import { CodedError, type WireError } from '../../electron/base/errors.ts';
import type { Log } from '../../electron/base/log.ts';
import { Backoff } from '../../electron/base/retry.ts';
import type { AddressKey } from '../identity.ts';
import { isRendezvousUrl } from '../pairing/invite.ts';
import { resolveIceServers, type IceOffer, type IceServers } from './ice-servers.ts';
import { RendezvousConnection, type ConnectionEvents } from './rendezvous-connection.ts';

export interface RendezvousClientOptions {
  /** ws:// or wss:// */
  readonly url: string;
  readonly addressKey: AddressKey;
  readonly clock: Clock;
  readonly log: Log;
  /** A connection whose probe is unanswered after this time, ms, is taken for dead. */
  readonly heartbeatMs?: number;
  readonly backoff?: Backoff;
  /** From 0 to below 1; spreads the attempts of many peers. */
  readonly random?: () => number;
}

export interface RegisteredState {
  readonly kind: 'registered';
  readonly ice: IceServers;
}
/** The registered state is said again when `ice` changes: credentials are for a limited time. */
export type RendezvousState = { readonly kind: 'connecting'; readonly error: WireError | null } | RegisteredState;

/** After `check`: how long a connection has to show that it lives, ms. */
const CHECK_MS = 600;
/** While eager: an attempt each half to whole second, for a minute; and so many at a time, as each may take 8 s to fail. */
const EAGER_CADENCE_MS = 1_000;
const EAGER_MS = 60_000;
const MAX_ATTEMPTS = 8;
/** Fresh credentials are asked for when this much of the old ones' time is over. */
const RENEW_AT = 0.75;

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
  readonly #connections = new Set<RendezvousConnection>();
  readonly #events: ConnectionEvents;
  #next: Timer | null = null;
  #renew: Timer | null = null;
  #eagerUntil = -Infinity;
  #current: RendezvousState = { kind: 'connecting', error: null };
  #started = false;

  constructor(options: RendezvousClientOptions) {
    this.url = options.url;
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff();
    this.#events = {
      // One registers at a time: the server gives the address to the newest, and would end the other.
      challenged: (connection) => this.#letGo(connection),
      registered: (_, offer) => this.#setRegistered(offer),
      message: (message) => {
        if (message.type === 'message') this.messages.emit({ from: message.from, data: Buffer.from(message.data, 'base64url') });
        else if (message.type === 'unreachable') this.unreachable.emit(message.to);
        else this.#setRegistered(message.ice);
      },
      // Not before: two programs with one identity would replace each other without end.
      proven: () => this.#backoff.reset(),
      ended: (connection, why) => this.#onEnded(connection, why),
    };
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
    this.#stopTimers();
    this.#current = { kind: 'connecting', error: null };
    this.ended.emit(new CodedError('closed', 'The connection to the rendezvous was closed.'));
    this.#letGo(null);
    for (const emitter of [this.messages, this.unreachable, this.state, this.ended]) emitter.clear();
  }

  /** False when it is not registered now, or too much waits to be sent. */
  send(to: string, data: Uint8Array): boolean {
    const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64url');
    return this.#registered()?.send({ type: 'send', to, data: text }) ?? false;
  }

  /**
   * The owner suspects that the network changed. A registration that does not answer soon is given up; one that is
   * given up, or is not there, is tried for at once, and then each second for a minute, before the delays grow as usual.
   */
  check(): void {
    if (!this.#started) return;
    const registered = this.#registered();
    this.#eagerUntil = this.#options.clock.monotonic() + EAGER_MS;
    if (registered) registered.probe(CHECK_MS);
    else this.#connect();
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

  #registered(): RendezvousConnection | undefined {
    return [...this.#connections].find(({ isRegistered }) => isRegistered);
  }

  #isEager(): boolean {
    return this.#options.clock.monotonic() < this.#eagerUntil;
  }

  #connect(): void {
    const { clock, addressKey, heartbeatMs = 10_000, random = Math.random } = this.#options;
    this.#next?.cancel();
    this.#next = null;
    if (this.#connections.size < MAX_ATTEMPTS) {
      this.#connections.add(new RendezvousConnection({ url: this.url, addressKey, clock, heartbeatMs, events: this.#events }));
    }
    // A first packet that was lost with the network is repeated too late by the system: better a connection more.
    if (this.#isEager()) this.#next = clock.setTimeout(() => this.#connect(), EAGER_CADENCE_MS * (0.5 + random() / 2));
  }

  #setRegistered(offer: IceOffer): void {
    this.#next?.cancel();
    this.#next = null;
    this.#renew?.cancel();
    this.#renew = null;
    if (offer.turn.length > 0) {
      const ttlS = Math.min(...offer.turn.map((server) => server.ttlS));
      const ask = () => void this.#registered()?.send({ type: 'credentials' });
      this.#renew = this.#options.clock.setTimeout(ask, ttlS * 1000 * RENEW_AT);
    }
    const ice = resolveIceServers(offer, this.url);
    // The ICE library takes names and IPv4 addresses only.
    this.#set({ kind: 'registered', ice });
  }

  #onEnded(connection: RendezvousConnection, why: string): void {
    this.#connections.delete(connection);
    if (!this.#started) return;
    // Another attempt is under way, or has come further.
    if (!connection.isRegistered && this.#connections.size > 0) return;
    this.#renew?.cancel();
    if (this.#isEager() && connection.isRegistered) {
      this.#options.log.warn('rendezvous lost', { url: this.url, why, retryMs: 0 });
      this.#connect();
    } else if (this.#next === null) {
      const delayMs = this.#isEager() ? EAGER_CADENCE_MS : this.#backoff.next();
      this.#options.log.warn('rendezvous lost', { url: this.url, why, retryMs: Math.round(delayMs) });
      this.#next = this.#options.clock.setTimeout(() => this.#connect(), delayMs);
    }
    this.#set({
      kind: 'connecting',
      error: {
        code: 'rendezvous-unreachable',
        message: `The rendezvous ${this.url} cannot be reached (${why}): check the network and its address.`,
      },
    });
  }

  /** All but one. */
  #letGo(kept: RendezvousConnection | null): void {
    for (const connection of this.#connections) {
      if (connection === kept) continue;
      this.#connections.delete(connection);
      connection.letGo();
    }
    // While one registers, no other is begun; when it fails, that is heard of.
    if (kept) this.#next?.cancel();
    if (kept) this.#next = null;
  }

  #set(state: RendezvousState): void {
    this.#current = state;
    this.state.emit(state);
  }

  #stopTimers(): void {
    for (const timer of [this.#next, this.#renew]) timer?.cancel();
    this.#next = null;
    this.#renew = null;
  }
}

/** @throws CodedError `usage` when `url` is no ws:// or wss:// URL, or carries a password. */
export function checkRendezvousUrl(url: string): string {
  if (!isRendezvousUrl(url)) {
    throw new CodedError('usage', `"${url}" is no rendezvous URL: it begins with ws:// or wss://, as in ws://203.0.113.7:8485.`);
  }
  return url;
}
