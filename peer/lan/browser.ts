import type { Clock, Timer } from '../../electron/base/clock.ts';
import type { Log } from '../../electron/base/log.ts';
import type { LanFinder } from '../signaling/meeting.ts';
import { hostText } from '../stun/address.ts';
import { browseQuery, readMessage, type Seen } from './dns-sd.ts';
import type { LanInterface } from './interfaces.ts';
import { MulticastDns, type LanPacket } from './multicast.ts';

/** Cameras that are looked for: our own, so that nobody else can fill the table; the one not asked for the longest goes. */
const MAX_CAMERAS = 256;
/** Places kept of each: anybody on the network can name some; the oldest goes. */
const MAX_PLACES = 8;
/** IPv6 addresses of one message that are believed. */
const MAX_IPV6 = 2;
/** RFC 6762 §5.2: the least time between two questions, ms, doubled up to the last. */
const FIRST_AGAIN_MS = 1_000;
const LAST_AGAIN_MS = 60_000;

interface Wanted {
  readonly listeners: Set<(url: string) => void>;
  /** By host, in order of their last message. */
  readonly places: Map<string, { url: string; until: number }>;
}

/** Finds cameras on the networks of this machine by what they say of themselves. One for all cameras of an app. */
export class LanBrowser implements LanFinder {
  readonly #dns: MulticastDns;
  readonly #clock: Clock;
  readonly #wanted = new Map<string, Wanted>();
  #timer: Timer | null = null;
  #askedAt = -Infinity;
  #againMs = FIRST_AGAIN_MS;
  #dropped = 0;

  constructor(options: { clock: Clock; log: Log; interfaces: () => readonly LanInterface[]; port?: number }) {
    this.#clock = options.clock;
    this.#dns = new MulticastDns(options);
    this.#dns.packets.on((packet) => this.#onPacket(packet));
    this.#dns.appeared.on(() => this.#askSoon());
  }

  /** Says nothing on any network until a camera is looked for. */
  start(): void {
    this.#dns.start();
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#wanted.clear();
    await this.#dns.close();
  }

  /** Places that were forgotten because there were too many. */
  get dropped(): number {
    return this.#dropped;
  }

  find(address: string, found: (url: string) => void): () => void {
    const wanted = this.#wanted.get(address) ?? { listeners: new Set(), places: new Map() };
    this.#wanted.delete(address);
    this.#wanted.set(address, wanted);
    for (const [oldest, { listeners }] of this.#wanted) {
      if (this.#wanted.size <= MAX_CAMERAS) break;
      if (listeners.size === 0) this.#wanted.delete(oldest);
    }
    wanted.listeners.add(found);
    this.#againMs = FIRST_AGAIN_MS;
    this.#askSoon();
    const now = this.#clock.monotonic();
    for (const { url, until } of [...wanted.places.values()].reverse()) if (until > now) found(url);
    return () => wanted.listeners.delete(found);
  }

  /** One question for all that is looked for: at once, but not within a second of the last one. */
  #askSoon(): void {
    this.#timer?.cancel();
    const waitMs = this.#askedAt + FIRST_AGAIN_MS - this.#clock.monotonic();
    if (waitMs <= 0) this.#ask();
    else this.#timer = this.#clock.setTimeout(() => this.#ask(), waitMs);
  }

  #ask(): void {
    this.#timer = null;
    if (![...this.#wanted.values()].some(({ listeners }) => listeners.size > 0)) return;
    // An interface that is not there yet is asked when it appears.
    if (this.#dns.interfaces.length > 0) this.#askedAt = this.#clock.monotonic();
    this.#dns.send(browseQuery);
    this.#timer = this.#clock.setTimeout(() => this.#ask(), this.#againMs);
    this.#againMs = Math.min(this.#againMs * 2, LAST_AGAIN_MS);
  }

  #onPacket(packet: LanPacket): void {
    const message = readMessage(packet.data);
    if (message?.kind !== 'answer') return;
    for (const seen of message.cameras) {
      const wanted = this.#wanted.get(seen.address);
      if (wanted) for (const host of hostsOf(seen, packet)) this.#note(wanted, host, seen);
    }
  }

  #note({ places, listeners }: Wanted, host: string, { port, ttl }: Seen): void {
    places.delete(host);
    if (ttl === 0) return;
    const url = `ws://${host}:${port}`;
    places.set(host, { url, until: this.#clock.monotonic() + ttl * 1000 });
    for (const oldest of places.keys()) {
      if (places.size <= MAX_PLACES) break;
      places.delete(oldest);
      this.#dropped += 1;
    }
    for (const found of [...listeners]) found(url);
  }
}

/**
 * Where a camera can be: over IPv4 at the sender of the packet, so that nobody can point at another machine; over IPv6, where
 * packets come from link-local addresses that no URL can hold, at the addresses it names that are of the same network.
 */
function hostsOf(seen: Seen, { from, family, on }: LanPacket): string[] {
  if (family === 4) return [from];
  const near = seen.ipv6.filter((address) => !/^fe[89ab]|%/i.test(address) && on.isNeighbour(address));
  return near.slice(0, MAX_IPV6).map(hostText);
}
