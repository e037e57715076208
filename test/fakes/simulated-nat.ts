import { EventEmitter } from 'node:events';
import type { RemoteInfo, Socket } from 'node:dgram';
import type { Clock } from '../../electron/base/clock.ts';
import type { UdpAddress } from '../../peer/nat/udp.ts';
import { seededRandom } from './seeded-random.ts';

type Behaviour = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

interface NatKind {
  readonly mapping: Behaviour;
  readonly filtering: Behaviour;
  /** The public port of a new mapping; random unless said. */
  readonly allocate?: (local: number) => number;
  readonly hairpin?: boolean;
}

const DELAY_MS = 20;

/** Packets between simulated hosts: each takes 20 ms of the given clock, unless it is lost. */
export class SimulatedInternet {
  readonly clock: Clock;
  readonly random: () => number;
  /** The share that is lost. */
  loss = 0;
  carried = 0;
  readonly #hosts = new Map<string, (bytes: Buffer, from: UdpAddress, to: UdpAddress) => void>();

  constructor(clock: Clock, seed: number) {
    this.clock = clock;
    this.random = seededRandom(seed);
  }

  attach(address: string, receive: (bytes: Buffer, from: UdpAddress, to: UdpAddress) => void): void {
    this.#hosts.set(address, receive);
  }

  carry(bytes: Buffer, from: UdpAddress, to: UdpAddress): void {
    this.carried += 1;
    if (this.random() < this.loss) return;
    this.clock.setTimeout(() => this.#hosts.get(to.address)?.(bytes, from, to), DELAY_MS);
  }

  /** A socket with a public address of its own. `answer` makes it a server. */
  host(address: string, port: number): SimulatedSocket {
    const sockets = this.#ports(address);
    const socket = new SimulatedSocket({ address, port }, (bytes, to) => this.carry(bytes, { address, port }, to));
    sockets.set(port, socket);
    return socket;
  }

  readonly #open = new Map<string, Map<number, SimulatedSocket>>();

  #ports(address: string): Map<number, SimulatedSocket> {
    const known = this.#open.get(address);
    if (known) return known;
    const sockets = new Map<number, SimulatedSocket>();
    this.#open.set(address, sockets);
    this.attach(address, (bytes, from, to) => sockets.get(to.port)?.deliver(bytes, from));
    return sockets;
  }
}

/** A NAT with one public address and one host behind it, which behaves as named (RFC 4787 §4.1, §5). */
export class SimulatedNat {
  readonly address: string;
  readonly kind: NatKind;
  readonly #internet: SimulatedInternet;
  readonly #ports = new Map<string, number>();
  readonly #mappings = new Map<number, { socket: SimulatedSocket; sentTo: Set<string> }>();
  #nextLocal = 40_000;

  constructor(internet: SimulatedInternet, address: string, kind: NatKind) {
    this.#internet = internet;
    this.address = address;
    this.kind = kind;
    internet.attach(address, (bytes, from, to) => this.#receive(bytes, from, to));
  }

  /** Public ports in use. */
  get mappings(): number {
    return this.#mappings.size;
  }

  socket(port = this.#nextLocal++): SimulatedSocket {
    const socket = new SimulatedSocket({ address: '192.168.0.2', port }, (bytes, to) => this.#send(socket, bytes, to));
    return socket;
  }

  /** The public port of a socket towards a place, opened if there is none. */
  portOf(socket: SimulatedSocket, to: UdpAddress): number {
    const key = `${socket.local.port} ${rest(this.kind.mapping, to)}`;
    const known = this.#ports.get(key);
    if (known !== undefined) return known;
    let port: number;
    do port = this.kind.allocate?.(socket.local.port) ?? 1024 + Math.floor(this.#internet.random() * 64_512);
    while (this.#mappings.has(port));
    this.#ports.set(key, port);
    this.#mappings.set(port, { socket, sentTo: new Set() });
    return port;
  }

  #send(socket: SimulatedSocket, bytes: Buffer, to: UdpAddress): void {
    const port = this.portOf(socket, to);
    this.#mappings.get(port)?.sentTo.add(rest(this.kind.filtering, to));
    if (to.address === this.address && !this.kind.hairpin) return;
    this.#internet.carry(bytes, { address: this.address, port }, to);
  }

  #receive(bytes: Buffer, from: UdpAddress, to: UdpAddress): void {
    const mapping = this.#mappings.get(to.port);
    if (mapping?.sentTo.has(rest(this.kind.filtering, from))) mapping.socket.deliver(bytes, from);
  }
}

/** What a behaviour tells destinations apart by. */
function rest(behaviour: Behaviour, { address, port }: UdpAddress): string {
  if (behaviour === 'endpoint-independent') return '';
  return behaviour === 'address-dependent' ? address : `${address} ${port}`;
}

/** As much of a `dgram` socket as our code uses. */
export class SimulatedSocket extends EventEmitter {
  readonly local: UdpAddress;
  readonly #carry: (bytes: Buffer, to: UdpAddress) => void;
  closed = false;
  sent = 0;

  constructor(local: UdpAddress, carry: (bytes: Buffer, to: UdpAddress) => void) {
    super();
    this.local = local;
    this.#carry = carry;
  }

  /** In the type that code under test asks for. */
  get dgram(): Socket {
    return this as unknown as Socket;
  }

  send(bytes: Uint8Array, port: number, address: string, done?: () => void): void {
    if (this.closed) throw new Error('Not running');
    this.sent += 1;
    this.#carry(Buffer.from(bytes), { address, port });
    done?.();
  }

  deliver(bytes: Buffer, from: UdpAddress): void {
    if (this.closed) return;
    const info: RemoteInfo = { ...from, family: 'IPv4', size: bytes.length };
    this.emit('message', bytes, info);
  }

  address(): UdpAddress {
    return this.local;
  }

  close(): void {
    if (this.closed) throw new Error('Not running');
    this.closed = true;
    this.emit('close');
  }
}
