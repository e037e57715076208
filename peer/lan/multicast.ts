import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import type { Log } from '../../electron/base/log.ts';
import { TokenBucket } from '../../electron/base/token-bucket.ts';
import type { LanInterface } from './interfaces.ts';

/** RFC 6762 §3. */
const GROUP = { 4: '224.0.0.251', 6: 'ff02::fb' } as const;
const PORT = 5353;
/** How often the interfaces are looked at, ms. */
const REFRESH_MS = 2_000;
/** Packets that are looked at, a second and at once: what is beyond is dropped. */
const PACKETS = { perSecond: 200, burst: 400 };
/** Packets that wait to be sent; more are dropped. */
const MAX_PENDING = 64;

export interface LanPacket {
  readonly data: Buffer;
  /** A neighbour on `on` (RFC 6762 §11). */
  readonly from: string;
  readonly port: number;
  readonly on: LanInterface;
  readonly family: 4 | 6;
}

interface Port {
  readonly on: LanInterface;
  readonly family: 4 | 6;
  readonly socket: Socket;
  /** It listens, and can be sent by. */
  ready: boolean;
}

/**
 * Multicast DNS packets on every interface, IPv4 and IPv6, also on those that come later. Where another program keeps the
 * port for itself it asks from another port, and is answered there alone (RFC 6762 §6.7). Without a network it waits for one.
 */
export class MulticastDns {
  readonly packets = new Emitter<LanPacket>();
  /** There is an interface more, or one has other addresses. */
  readonly appeared = new Emitter<void>();
  readonly #options: { clock: Clock; log: Log; interfaces: () => readonly LanInterface[]; port: number };
  readonly #ports = new Map<string, Port>();
  readonly #bucket: TokenBucket;
  readonly #pending = new Set<Promise<void>>();
  /** What has been said to be out of order is not said again. */
  readonly #warned = new Set<string>();
  #timer: Timer | null = null;
  #started = false;
  #dropped = 0;

  /** @param options.port of multicast DNS; tests take another */
  constructor(options: { clock: Clock; log: Log; interfaces: () => readonly LanInterface[]; port?: number }) {
    this.#options = { port: PORT, ...options };
    this.#bucket = new TokenBucket(options.clock, PACKETS.perSecond, PACKETS.burst);
  }

  /** The port of multicast DNS: what comes from another one is from a resolver that is none. */
  get port(): number {
    return this.#options.port;
  }

  /** Interfaces that packets can be sent on. */
  get interfaces(): readonly LanInterface[] {
    return [...new Set([...this.#ports.values()].filter(({ ready }) => ready).map(({ on }) => on))];
  }

  /** Packets beyond the rate, in either direction. */
  get dropped(): number {
    return this.#dropped;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.refresh();
  }

  /** Resolves when what was to be sent is sent. */
  async close(): Promise<void> {
    if (!this.#started) return;
    this.#started = false;
    this.#timer?.cancel();
    await Promise.all(this.#pending);
    for (const port of this.#ports.values()) port.socket.close();
    this.#ports.clear();
    this.packets.clear();
    this.appeared.clear();
  }

  /** Looks at the interfaces at once: the network has changed. */
  refresh(): void {
    if (!this.#started) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => this.refresh(), REFRESH_MS);
    const wanted = new Map<string, { on: LanInterface; family: 4 | 6 }>();
    for (const on of this.#options.interfaces()) {
      if (on.ipv4.length > 0) wanted.set(`4 ${on.key}`, { on, family: 4 });
      if (on.hasIpv6) wanted.set(`6 ${on.key}`, { on, family: 6 });
    }
    for (const [key, port] of this.#ports) {
      if (wanted.has(key)) continue;
      port.socket.close();
      this.#ports.delete(key);
    }
    for (const [key, { on, family }] of wanted) if (!this.#ports.has(key)) this.#open(key, on, family, this.#options.port);
  }

  /** To all on one interface, or on every one, in words that may differ from interface to interface. */
  send(words: (on: LanInterface) => Buffer, only?: LanInterface): void {
    for (const port of this.#ports.values()) {
      if (port.ready && (!only || only === port.on)) this.#send(port, words(port.on), GROUP[port.family], this.#options.port);
    }
  }

  /** To the one whose packet it was. */
  reply({ on, family, from, port: to }: LanPacket, data: Buffer): void {
    const port = [...this.#ports.values()].find((other) => other.on === on && other.family === family);
    if (port?.ready) this.#send(port, data, from, to);
  }

  #send({ socket, on, family }: Port, data: Buffer, address: string, to: number): void {
    if (this.#pending.size >= MAX_PENDING) {
      this.#dropped += 1;
      return;
    }
    const zoned = family === 6 && !address.includes('%') ? `${address}%${on.zone}` : address;
    const sent: Promise<void> = new Promise((resolve) => {
      socket.send(data, to, zoned, (error) => {
        if (error) this.#warnOnce(on, `not sent: ${error.message}`);
        resolve();
      });
    });
    this.#pending.add(sent);
    void sent.then(() => this.#pending.delete(sent));
  }

  #open(key: string, on: LanInterface, family: 4 | 6, at: number): void {
    const socket =
      family === 4 ? createSocket({ type: 'udp4', reuseAddr: true }) : createSocket({ type: 'udp6', reuseAddr: true, ipv6Only: true });
    const port: Port = { on, family, socket, ready: false };
    this.#ports.set(key, port);
    const isOurs = () => this.#ports.get(key) === port;
    socket.on('error', (error) => {
      this.#warnOnce(on, error.message);
      if (!isOurs()) return;
      this.#ports.delete(key);
      socket.close();
      // Somebody keeps the port for himself: questions can be asked from any.
      if (!port.ready && at !== 0) this.#open(key, on, family, 0);
    });
    socket.on('message', (data, info) => this.#receive(port, data, info));
    socket.bind({ port: at, address: family === 4 ? '0.0.0.0' : '::' }, () => {
      const out = family === 4 ? (on.ipv4[0] ?? '') : `::%${on.zone}`;
      try {
        socket.setMulticastTTL(255);
        socket.setMulticastLoopback(true);
        socket.setMulticastInterface(out);
        if (at !== 0) socket.addMembership(GROUP[family], out);
      } catch (error) {
        // The interface has gone meanwhile, or can no multicast; the next look at the interfaces tries again.
        this.#warnOnce(on, String(error));
        if (isOurs()) this.#ports.delete(key);
        socket.close();
        return;
      }
      port.ready = true;
      this.appeared.emit();
    });
  }

  #receive(port: Port, data: Buffer, { address, port: from }: RemoteInfo): void {
    // Each socket gets the packets of all interfaces: the one takes it whose neighbour sent it.
    if (!port.ready || !port.on.isNeighbour(address)) return;
    if (!this.#bucket.take()) {
      this.#dropped += 1;
      return;
    }
    this.packets.emit({ data, from: address, port: from, on: port.on, family: port.family });
  }

  #warnOnce({ name }: LanInterface, why: string): void {
    const line = `${name} ${why}`;
    if (this.#warned.has(line) || this.#warned.size >= 64) return;
    this.#warned.add(line);
    this.#options.log.warn('multicast DNS is not as it should be', { interface: name, why });
  }
}
