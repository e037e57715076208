import type { Clock, Timer } from '../../electron/base/clock.ts';
import { TokenBucket } from '../../electron/base/token-bucket.ts';
import { announcement, concerns, goodbye, legacyAnswer, readMessage, type Offer } from './dns-sd.ts';
import type { LanInterface } from './interfaces.ts';
import type { LanPacket, MulticastDns } from './multicast.ts';

/** RFC 6762 §8.3: the second announcement; §6: the least time between two answers to all; how long an answer waits, ms. */
const AGAIN_MS = 1_000;
const BETWEEN_MS = 1_000;
const DELAY_MS = { least: 20, spread: 100 };
/** Answers to single resolvers, a second and at once. */
const LEGACY = { perSecond: 10, burst: 20 };
/** More would not fit into a packet. */
const MAX_ADDRESSES = 8;
const MAX_REMEMBERED = 64;

/**
 * Says on the LAN at which port a camera is. Its names are the hash of its key, so that it does not probe for another that
 * has them (RFC 6762 §8.1).
 */
export class LanAdvertiser {
  readonly #dns: MulticastDns;
  readonly #clock: Clock;
  readonly #address: string;
  readonly #port: number;
  readonly #legacy: TokenBucket;
  /** When an interface was answered, and the answers that wait. */
  readonly #answeredAt = new Map<string, number>();
  readonly #waiting = new Map<string, Timer>();
  #again: Timer | null = null;
  #offs: (() => void)[] | null = null;

  /** `dns` must be started, and is closed by its owner. */
  constructor(options: { dns: MulticastDns; address: string; port: number; clock: Clock }) {
    this.#dns = options.dns;
    this.#clock = options.clock;
    this.#address = options.address;
    this.#port = options.port;
    this.#legacy = new TokenBucket(options.clock, LEGACY.perSecond, LEGACY.burst);
  }

  start(): void {
    if (this.#offs) return;
    this.#offs = [this.#dns.packets.on((packet) => this.#onPacket(packet)), this.#dns.appeared.on(() => this.#announce())];
    this.#announce();
  }

  /** Takes back what it said. */
  close(): void {
    if (!this.#offs) return;
    for (const off of this.#offs) off();
    this.#offs = null;
    this.#again?.cancel();
    for (const timer of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
    this.#dns.send((on) => goodbye(this.#offer(on)));
  }

  /** Interfaces come in numbers: one announcement, and its repetition, is for all. */
  #announce(): void {
    const say = () => this.#dns.send((on) => announcement(this.#offer(on)));
    this.#again?.cancel();
    this.#again = this.#clock.setTimeout(() => {
      say();
      this.#again = this.#clock.setTimeout(say, AGAIN_MS);
    }, DELAY_MS.least);
  }

  #onPacket(packet: LanPacket): void {
    const message = readMessage(packet.data);
    if (message?.kind !== 'query' || !concerns(message, this.#address)) return;
    const { on } = packet;
    if (packet.port !== this.#dns.port) {
      if (this.#legacy.take()) this.#dns.reply(packet, legacyAnswer(this.#offer(on), message));
      return;
    }
    if (this.#waiting.has(on.key)) return;
    const answeredAt = this.#answeredAt.get(on.key) ?? -Infinity;
    const jitter = DELAY_MS.least + Math.random() * DELAY_MS.spread;
    const waitMs = Math.max(jitter, answeredAt + BETWEEN_MS - this.#clock.monotonic());
    const answer = () => {
      this.#waiting.delete(on.key);
      // Of interfaces that are gone, after many changes.
      if (this.#answeredAt.size >= MAX_REMEMBERED) this.#answeredAt.clear();
      this.#answeredAt.set(on.key, this.#clock.monotonic());
      this.#dns.send((each) => announcement(this.#offer(each)), on);
    };
    this.#waiting.set(on.key, this.#clock.setTimeout(answer, waitMs));
  }

  #offer({ ipv4, ipv6 }: LanInterface): Offer {
    return { address: this.#address, port: this.#port, ipv4: ipv4.slice(0, MAX_ADDRESSES), ipv6: ipv6.slice(0, MAX_ADDRESSES) };
  }
}
