import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import type { Clock, Timer } from '../electron/base/clock.ts';
import { CodedError, errnoOf } from '../electron/base/errors.ts';
import type { Log } from '../electron/base/log.ts';
import type { Endpoint } from '../peer/stun/address.ts';
import type { TlsIdentity } from './tls-files.ts';
import { networkOf } from './source-limiter.ts';

export interface FrontDoorOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: { readonly connections: number; readonly connectionsPerAddress: number; readonly registerMs: number };
  /** Whether who comes from this IP address may connect. */
  readonly admits: (remoteAddress: string) => boolean;
  /** Takes a connection that speaks HTTP; `settled` is to be called when it has become what is bounded elsewhere. */
  readonly http: (socket: Socket, settled: () => void) => void;
  /** Takes one that speaks STUN or TURN; null when nobody does here. */
  readonly stun: ((socket: Socket, remote: Endpoint) => void) | null;
  readonly tls: TlsIdentity | null;
}

/** TCP connections beyond those that may be peers: they are told why, or ask for something else. */
export const SPARE_CONNECTIONS = 16;

/** First byte of a TLS record that holds a handshake (RFC 8446 §5.1), and the last one a STUN message can begin with (RFC 7983). */
const TLS_HANDSHAKE = 0x16;
const LAST_OF_STUN = 3;
/** RFC 7443; and who speaks WebSocket may say so. */
const ALPN = ['http/1.1', 'stun.turn', 'stun.nat-discovery'];

/**
 * One TCP port for HTTP and STUN (a TURN client's first message is one), each plain or within TLS, told apart by the first byte:
 * so one open port, say 443, is enough for a network that lets out nothing else. Bounds connections, in all and of each address,
 * and how long one may take to say what it is.
 */
export class FrontDoor {
  readonly #options: FrontDoorOptions;
  /** TCP connections of each address. */
  readonly #perRemote = new Map<string, number>();
  readonly #undecided = new Map<Socket, Timer>();
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #tls: TlsServer | null = null;
  #refused = 0;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
  }

  get refused(): number {
    return this.#refused;
  }

  /** TCP connections of the address that a connection comes from. */
  heldBy(remoteAddress: string): number {
    return this.#perRemote.get(networkOf(remoteAddress).toString('hex')) ?? 0;
  }

  /** @returns the port. @throws CodedError `port-in-use`, `usage` when the address is not this machine's. */
  async start(bind: string, port: number): Promise<number> {
    const { limits, tls, log } = this.#options;
    if (tls) {
      this.#tls = createTlsServer({ ...tls, ALPNProtocols: ALPN, handshakeTimeout: limits.registerMs });
      this.#tls.on('secureConnection', (socket) => this.#decide(socket, false));
      this.#tls.on('tlsClientError', (_, socket) => socket.destroy());
    }
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    server.maxConnections = limits.connections + SPARE_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(startError(error, bind, port)));
      server.listen(port, bind, resolve);
    });
    server.on('error', (error) => log.warn('TCP server error', { error: error.message }));
    this.#server = server;
    const address = server.address();
    return typeof address === 'object' && address ? address.port : port;
  }

  useCertificate(tls: TlsIdentity): void {
    this.#tls?.setSecureContext(tls);
  }

  /** Takes no new connections; resolves when those there are have ended: at the latest when `destroyAll` is called. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#undecided.keys()) socket.destroy();
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    const { limits, admits } = this.#options;
    const { remoteAddress = '' } = socket;
    socket.on('error', () => {});
    if (!admits(remoteAddress)) return this.#refuse(socket);
    const remote = networkOf(remoteAddress).toString('hex');
    const held = (this.#perRemote.get(remote) ?? 0) + 1;
    this.#perRemote.set(remote, held);
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      const left = (this.#perRemote.get(remote) ?? 1) - 1;
      if (left > 0) this.#perRemote.set(remote, left);
      else this.#perRemote.delete(remote);
    });
    if (held > limits.connectionsPerAddress + SPARE_CONNECTIONS) return this.#refuse(socket);
    this.#decide(socket, true);
  }

  /** Looks at the first byte, and hands the connection on with it. */
  #decide(socket: Socket, mayBeTls: boolean): void {
    const { clock, limits, http, stun } = this.#options;
    const settled = () => {
      this.#undecided.get(socket)?.cancel();
      this.#undecided.delete(socket);
    };
    this.#undecided.set(
      socket,
      clock.setTimeout(() => socket.destroy(), limits.registerMs),
    );
    socket.once('close', settled);
    socket.on('error', () => {});
    socket.once('data', (chunk: Buffer) => {
      const first = chunk[0] ?? 0;
      const { remoteAddress = '', remotePort = 0 } = socket;
      socket.pause();
      socket.unshift(chunk);
      if (first === TLS_HANDSHAKE && mayBeTls && this.#tls) {
        settled();
        this.#tls.emit('connection', socket);
      } else if (first <= LAST_OF_STUN && stun) {
        settled();
        stun(socket, { address: plainAddress(remoteAddress), port: remotePort });
      } else {
        http(socket, settled);
      }
    });
  }

  #refuse(socket: Socket): void {
    this.#refused += 1;
    socket.destroy();
  }
}

/** A socket bound to :: sees IPv4 addresses in IPv6 clothes. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

function startError(error: Error, bind: string, port: number): Error {
  const errno = errnoOf(error);
  if (errno === 'EADDRINUSE') {
    return new CodedError('port-in-use', `TCP port ${port} is taken by another program: stop it, or choose another with --port.`);
  }
  if (errno === 'EACCES') return new CodedError('usage', `Port ${port} needs more rights than this user has: choose one above 1023.`);
  if (errno === 'EADDRNOTAVAIL' || errno === 'ENOTFOUND') {
    return new CodedError('usage', `${bind} is no address of this machine: choose another with --bind.`);
  }
  return error;
}
