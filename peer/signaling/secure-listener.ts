import type { Clock } from '../../electron/base/clock.ts';
import type { Log } from '../../electron/base/log.ts';
import { TokenBucket } from '../../electron/base/token-bucket.ts';
import type { Identity } from '../identity.ts';
import { x25519FromEd25519 } from '../keys.ts';
import { NoiseError, NoiseResponder } from '../noise.ts';
import { FRAME, frameHeader, introduce, openIntroduction, parseFrame, prologue, type Frame } from './frames.ts';
import type { RendezvousClient } from './rendezvous-client.ts';
import { SecureChannel } from './secure-channel.ts';

/** Each of the counts holds twice: for known peers, and for strangers, who so cannot take the place of the known ones. */
export interface ListenerLimits {
  /** Handshakes begun and not yet proven; the oldest goes when one more comes. */
  readonly halfOpen: number;
  readonly halfOpenMs: number;
  /** Strangers' handshakes answered a second, in the long run and at once, and those of each known peer: each costs some milliseconds. */
  readonly handshakesPerSecond: number;
  readonly handshakeBurst: number;
  /** Handshakes looked at to see whose they are, a second and at once: half a millisecond each. */
  readonly looksPerSecond: number;
  readonly looksBurst: number;
  /** Of these, those of one sender's address. */
  readonly senderPerSecond: number;
  readonly senderBurst: number;
  /** Proven channels; the one that was silent longest goes when one more comes. */
  readonly channels: number;
  /** A channel without a message for this long is forgotten, ms. */
  readonly idleMs: number;
}

export const LISTENER_LIMITS: ListenerLimits = {
  halfOpen: 64,
  halfOpenMs: 10_000,
  handshakesPerSecond: 10,
  handshakeBurst: 40,
  looksPerSecond: 300,
  looksBurst: 600,
  senderPerSecond: 1,
  senderBurst: 5,
  channels: 64,
  idleMs: 60_000,
};

/** Senders and known peers whose rate is remembered; the one not heard of for longest is forgotten. */
const MAX_BUCKETS = 1024;

interface Entry {
  readonly channel: SecureChannel;
  /** Of a known peer. */
  readonly known: boolean;
  proven: boolean;
  at: number;
}

export interface SecureListenerOptions {
  readonly client: RendezvousClient;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: ListenerLimits;
  /** Whether a peer with this X25519 key is known (paired): strangers have no part in its limits. Nobody is, when left out. */
  readonly isKnown?: (noisePublicKey: Buffer) => boolean;
  /**
   * A peer has proven to be there now: the first message of its channel, which a replayed handshake cannot have. Later ones
   * come by `channel.messages`.
   */
  readonly onChannel: (channel: SecureChannel, first: string) => void;
}

/** The camera's end: answers Noise IK handshakes at one rendezvous. Before a peer has proven its liveness nothing happens but that. */
export class SecureListener {
  readonly #options: SecureListenerOptions;
  readonly #limits: ListenerLimits;
  /** By sender's address and channel id, in order of the last message. */
  readonly #entries = new Map<string, Entry>();
  readonly #looks: TokenBucket;
  readonly #strangers: TokenBucket;
  readonly #senders = new Map<string, TokenBucket>();
  readonly #peers = new Map<string, TokenBucket>();
  #refused = 0;
  readonly #off: () => void;

  constructor(options: SecureListenerOptions) {
    this.#options = options;
    this.#limits = options.limits ?? LISTENER_LIMITS;
    const { looksPerSecond, looksBurst, handshakesPerSecond, handshakeBurst } = this.#limits;
    this.#looks = new TokenBucket(options.clock, looksPerSecond, looksBurst);
    this.#strangers = new TokenBucket(options.clock, handshakesPerSecond, handshakeBurst);
    this.#off = options.client.messages.on(({ from, data }) => this.#receive(from, data));
  }

  /** Handshakes that were not answered: over the limit, or not well made. */
  get refused(): number {
    return this.#refused;
  }

  get halfOpen(): number {
    return [...this.#entries.values()].filter((entry) => !entry.proven).length;
  }

  close(): void {
    this.#off();
    for (const { channel } of this.#entries.values()) channel.close();
    this.#entries.clear();
  }

  /** Forgets a channel whose work is done. */
  drop(channel: SecureChannel): void {
    channel.close();
    this.#entries.delete(keyOf(channel.remoteAddress, channel.id));
  }

  #receive(from: string, data: Buffer): void {
    this.#forgetOld();
    const frame = parseFrame(data);
    if (!frame) return;
    const key = keyOf(from, frame.channel);
    const entry = this.#entries.get(key);
    if (frame.kind === FRAME.first) {
      // A handshake for a channel that is there already is a repetition.
      if (!entry) this.#answer(from, frame, key);
      return;
    }
    const body = entry && frame.kind === FRAME.transport ? entry.channel.open(frame) : null;
    if (!entry || body === null) return;
    entry.at = this.#options.clock.monotonic();
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (entry.proven) return entry.channel.messages.emit(body);
    entry.proven = true;
    this.#evict(entry, this.#limits.channels);
    this.#options.onChannel(entry.channel, body);
  }

  #answer(from: string, frame: Frame, key: string): void {
    const { client, identity, clock } = this.#options;
    const { handshakesPerSecond, handshakeBurst, senderPerSecond, senderBurst } = this.#limits;
    if (!this.#bucket(this.#senders, from, senderPerSecond, senderBurst).take() || !this.#looks.take()) {
      this.#refused += 1;
      return;
    }
    let known = false;
    try {
      const staticKey = { privateKey: identity.noiseKey, publicKey: identity.noisePublicKey };
      const noise = new NoiseResponder({ prologue: prologue(frame.channel, from, client.address), staticKey });
      const { payload, handshakeHash, remoteStatic } = noise.readFirst(frame.sealed, (claimed) => {
        known = this.#options.isKnown?.(claimed) === true;
        return known || this.#strangers.take();
      });
      const opened = openIntroduction({ kind: FRAME.first, role: 'initiator', handshakeHash, counter: 0 }, payload);
      if (!opened || !x25519FromEd25519(opened.publicKey)?.equals(remoteStatic)) throw new NoiseError('signed by another key');
      // Only now is it known to be the peer's own: nobody else can use up its share.
      if (known && !this.#bucket(this.#peers, remoteStatic.toString('base64url'), handshakesPerSecond, handshakeBurst).take())
        throw new NoiseError('over the limit');
      const { message, session } = noise.writeSecond((hash) =>
        introduce(identity, { kind: FRAME.second, role: 'responder', handshakeHash: hash, counter: 0 }, Buffer.from('{}')),
      );
      const send = (out: Buffer) => client.send(from, out);
      const channel = new SecureChannel({
        id: frame.channel,
        role: 'responder',
        session,
        identity,
        remotePublicKey: opened.publicKey,
        remoteAddress: from,
        send,
      });
      const entry: Entry = { channel, known, proven: false, at: clock.monotonic() };
      this.#entries.set(key, entry);
      this.#evict(entry, this.#limits.halfOpen);
      send(Buffer.concat([frameHeader(FRAME.second, frame.channel), message]));
    } catch (error) {
      if (!(error instanceof NoiseError)) throw error;
      this.#refused += 1;
      this.#options.log.debug('handshake refused', { why: error.message });
    }
  }

  #bucket(of: Map<string, TokenBucket>, name: string, perSecond: number, burst: number): TokenBucket {
    const bucket = of.get(name) ?? new TokenBucket(this.#options.clock, perSecond, burst);
    of.delete(name);
    of.set(name, bucket);
    for (const oldest of of.keys()) {
      if (of.size <= MAX_BUCKETS) break;
      of.delete(oldest);
    }
    return bucket;
  }

  /** Closes the oldest of the same kind as `like` until at most `keep` are left. */
  #evict(like: Entry, keep: number): void {
    const kind = [...this.#entries].filter(([, { proven, known }]) => proven === like.proven && known === like.known);
    for (const [key, { channel }] of kind.slice(0, Math.max(0, kind.length - keep))) {
      channel.close();
      this.#entries.delete(key);
    }
  }

  #forgetOld(): void {
    const now = this.#options.clock.monotonic();
    for (const [key, { channel, proven, at }] of this.#entries) {
      if (now - at <= (proven ? this.#limits.idleMs : this.#limits.halfOpenMs)) continue;
      channel.close();
      this.#entries.delete(key);
    }
  }
}

const keyOf = (from: string, channel: string): string => `${from} ${channel}`;
