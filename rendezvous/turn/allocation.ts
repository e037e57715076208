import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:dgram';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import { TokenBucket } from '../../electron/base/token-bucket.ts';
import { xorMappedAddress, type Endpoint } from '../../peer/stun/address.ts';
import { CHANNEL_HEADER_BYTES } from '../../peer/stun/frames.ts';
import { ATTRIBUTE, METHOD, STUN_CLASS, writeStun } from '../../peer/stun/message.ts';
import type { Family } from '../addresses.ts';
import { closeUdp, sendUdp } from '../udp-socket.ts';
import type { TurnCounters } from './counters.ts';
import type { TurnUser } from './credentials.ts';
import type { TurnLimits } from './limits.ts';

/** RFC 8656 §9 and §12: a permission lasts 5 minutes, a channel 10. */
const PERMISSION_MS = 300_000;
const CHANNEL_MS = 600_000;

/** How a client is reached: its end of the 5-tuple. */
export interface ClientWay {
  readonly remote: Endpoint;
  /** What came from a peer: a message, or ChannelData in two parts. False when it was dropped. */
  send(data: Buffer | readonly Buffer[]): boolean;
  /** The answer to a question, which is not asked twice over a stream. */
  answer(message: Buffer): void;
}

interface Permission {
  readonly address: string;
  /** An address of this relay itself: what is for it goes to another allocation, never to the network. */
  readonly own: boolean;
  until: number;
  /** Channels by port. */
  readonly channels: Map<number, Channel>;
}

interface Channel {
  readonly number: number;
  readonly peer: Endpoint;
  readonly permission: Permission;
  until: number;
}

export interface AllocationOptions {
  readonly clock: Clock;
  readonly limits: TurnLimits;
  readonly counters: TurnCounters;
  readonly way: ClientWay;
  readonly user: TurnUser;
  /** Of the user's credentials: what is left of the session is signed with it, also when they have ended meanwhile. */
  readonly key: Buffer;
  readonly socket: Socket;
  readonly family: Family;
  /** The relayed transport address by which peers know it. */
  readonly relayed: Endpoint;
  /** Hands a datagram to the allocation that has the relayed address `to`; false when none has. */
  readonly deliver: (from: Endpoint, to: Endpoint, data: Buffer) => boolean;
  /** Once, when its time is over or it is ended. */
  readonly onEnd: (allocation: Allocation) => void;
}

/** One relayed transport address and who may use it (RFC 8656 §3, §9, §12): datagrams go both ways, in channels or indications. */
export class Allocation {
  readonly #options: AllocationOptions;
  readonly #permissions = new Map<string, Permission>();
  readonly #channels = new Map<number, Channel>();
  readonly #bucket: TokenBucket;
  /** Of Data indications: they are answered by nobody, and need but differ. */
  readonly #transaction = randomBytes(12);
  #timer: Timer | null = null;
  #ended = false;

  constructor(options: AllocationOptions) {
    this.#options = options;
    const { clock, limits, socket } = options;
    this.#bucket = new TokenBucket(clock, limits.bytesPerSecond, limits.byteBurst);
    socket.on('message', (data, from) => this.fromPeer(data, from));
  }

  get user(): TurnUser {
    return this.#options.user;
  }

  get key(): Buffer {
    return this.#options.key;
  }

  get family(): Family {
    return this.#options.family;
  }

  get relayed(): Endpoint {
    return this.#options.relayed;
  }

  /** Lives for so long from now, seconds; not any more when 0. */
  refresh(lifetimeS: number): void {
    this.#timer?.cancel();
    if (lifetimeS === 0) this.end();
    else this.#timer = this.#options.clock.setTimeout(() => this.end(), lifetimeS * 1000);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    void closeUdp(this.#options.socket);
    this.#options.onEnd(this);
  }

  /** Whether so many addresses more could be permitted. */
  hasRoomFor(addresses: readonly string[]): boolean {
    const fresh = new Set(addresses.filter((address) => !this.#permissions.has(address))).size;
    if (this.#permissions.size + fresh <= this.#options.limits.permissions) return true;
    const now = this.#options.clock.monotonic();
    for (const { address, until } of this.#permissions.values()) if (until <= now) this.#permissions.delete(address);
    return this.#permissions.size + fresh <= this.#options.limits.permissions;
  }

  /** Room is to be asked for before. */
  permit(address: string, own: boolean, lastsMs = PERMISSION_MS): Permission {
    const until = this.#options.clock.monotonic() + lastsMs;
    const permission = this.#permissions.get(address) ?? { address, own, until, channels: new Map() };
    permission.until = Math.max(permission.until, until);
    this.#permissions.set(address, permission);
    return permission;
  }

  /**
   * Binds a channel, or binds it anew to the same peer. A channel keeps its permission for as long as itself: clients that
   * refresh nothing else would else be cut off between the two (RFC 8656 §12.2 leaves it to them).
   * @returns why not: `conflict` when number or peer are in use otherwise, `full`
   */
  bind(number: number, peer: Endpoint, own: boolean): 'bound' | 'conflict' | 'full' {
    const now = this.#options.clock.monotonic();
    const alive = (channel: Channel | undefined) => (channel && channel.until > now ? channel : undefined);
    const ofNumber = alive(this.#channels.get(number));
    const ofPeer = alive(this.#permissions.get(peer.address)?.channels.get(peer.port));
    if (ofNumber !== ofPeer) return 'conflict';
    if (!ofNumber) {
      if (this.#channels.size >= this.#options.limits.channels) this.#forgetChannels(now);
      if (this.#channels.size >= this.#options.limits.channels || !this.hasRoomFor([peer.address])) return 'full';
      this.#forget(this.#channels.get(number));
      this.#forget(this.#permissions.get(peer.address)?.channels.get(peer.port));
    }
    const permission = this.permit(peer.address, own, CHANNEL_MS);
    const channel = ofNumber ?? { number, peer, permission, until: 0 };
    channel.until = now + CHANNEL_MS;
    this.#channels.set(number, channel);
    channel.permission.channels.set(peer.port, channel);
    return 'bound';
  }

  /** ChannelData of the client. */
  fromChannel(frame: Buffer): void {
    const { counters, clock } = this.#options;
    const end = frame.length < CHANNEL_HEADER_BYTES ? Infinity : CHANNEL_HEADER_BYTES + frame.readUInt16BE(2);
    const channel = end > frame.length ? undefined : this.#channels.get(frame.readUInt16BE(0));
    if (!channel || channel.until <= clock.monotonic()) {
      counters.droppedUnpermitted += 1;
      return;
    }
    this.#toPeer(channel.permission, channel.peer, frame.subarray(CHANNEL_HEADER_BYTES, end));
  }

  /** A Send indication of the client. */
  fromIndication(peer: Endpoint, data: Buffer): void {
    const permission = this.#permissions.get(peer.address);
    if (permission && permission.until > this.#options.clock.monotonic()) this.#toPeer(permission, peer, data);
    else this.#options.counters.droppedUnpermitted += 1;
  }

  /** A datagram that came to the relayed address. */
  fromPeer(data: Buffer, from: Endpoint): void {
    const { counters, clock, way } = this.#options;
    const permission = this.#permissions.get(from.address);
    const now = clock.monotonic();
    if (!permission || permission.until <= now || this.#ended) {
      counters.droppedUnpermitted += 1;
      return;
    }
    if (!this.#bucket.take(data.length)) {
      counters.droppedRate += 1;
      return;
    }
    const channel = permission.channels.get(from.port);
    const sent = channel && channel.until > now ? way.send([channelHeader(channel.number, data.length), data]) : this.#indicate(from, data);
    if (sent) {
      counters.packetsToClients += 1;
      counters.bytesToClients += data.length;
    } else counters.droppedUnsent += 1;
  }

  #toPeer({ own }: Permission, peer: Endpoint, data: Buffer): void {
    const { counters, relayed, socket, deliver } = this.#options;
    if (!this.#bucket.take(data.length)) {
      counters.droppedRate += 1;
    } else if (own ? deliver(relayed, peer, data) : sendUdp(socket, data, peer)) {
      counters.packetsToPeers += 1;
      counters.bytesToPeers += data.length;
    } else if (own) counters.droppedRefused += 1;
    else counters.droppedUnsent += 1;
  }

  #indicate(from: Endpoint, data: Buffer): boolean {
    const transactionId = this.#transaction;
    transactionId.writeUInt32BE((transactionId.readUInt32BE(8) + 1) >>> 0, 8);
    const peer = xorMappedAddress(from.address, from.port, transactionId);
    if (!peer) return false;
    const attributes = [
      { type: ATTRIBUTE.xorPeerAddress, value: peer },
      { type: ATTRIBUTE.data, value: data },
    ];
    const message = { class: STUN_CLASS.indication, method: METHOD.data, transactionId };
    return this.#options.way.send(writeStun(message, attributes, { fingerprint: false }));
  }

  #forgetChannels(now: number): void {
    for (const channel of this.#channels.values()) if (channel.until <= now) this.#forget(channel);
  }

  #forget(channel: Channel | undefined): void {
    if (!channel) return;
    this.#channels.delete(channel.number);
    channel.permission.channels.delete(channel.peer.port);
  }
}

function channelHeader(number: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(CHANNEL_HEADER_BYTES);
  header.writeUInt16BE(number, 0);
  header.writeUInt16BE(length, 2);
  return header;
}
