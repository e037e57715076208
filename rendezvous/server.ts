import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Clock } from '../electron/base/clock.ts';
import type { Log } from '../electron/base/log.ts';
import { TokenBucket } from '../electron/base/token-bucket.ts';
import { addressOf, verifySignature } from '../peer/identity.ts';
import type { Endpoint } from '../peer/stun/address.ts';
import type { IceOffer } from '../peer/signaling/ice-servers.ts';
import {
  clientMessage,
  CLOSE,
  MAX_RENDEZVOUS_MESSAGE,
  parseJson,
  registrationTranscript,
  RENDEZVOUS_VERSION,
  type ServerMessage,
} from '../peer/signaling/rendezvous-messages.ts';
import { FrontDoor } from './front-door.ts';
import type { RendezvousLimits } from './limits.ts';
import type { TlsIdentity } from './tls-files.ts';

/** The servers that a registered address may use, which somebody at `remote` owns. */
export type IceHandout = (address: string, remote: string) => IceOffer;

export interface RendezvousServerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: RendezvousLimits;
  /** For peers before 0.2, which know no `ice`. */
  readonly stunPort: () => number | null;
  readonly ice?: IceHandout;
  /** Whether who comes from this IP address may connect; everybody when left out. */
  readonly admits?: (remoteAddress: string) => boolean;
  /** The address of the one peer that all others can talk to, and only to it; left out when anybody can talk to anybody. */
  readonly hub?: string;
  /** Takes the connections on its port that speak STUN or TURN. */
  readonly stun?: (socket: Socket, remote: Endpoint) => void;
  /** With it, TLS is spoken on its port too. */
  readonly tls?: TlsIdentity | null;
}

interface Connection {
  readonly remote: string;
  readonly socket: WebSocket;
  readonly host: string;
  readonly nonce: Buffer;
  readonly bucket: TokenBucket;
  address: string | null;
  answered: boolean;
  stop(): void;
}

export interface RendezvousCounters {
  readonly connections: number;
  readonly peers: number;
  readonly relayed: number;
  readonly refused: number;
  readonly dropped: number;
}

/** Introduces peers: whoever proves to own an address gets what is sent to it. Keeps nothing beyond the connections it has. */
export class RendezvousServer {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: RendezvousLimits;
  readonly #stunPort: () => number | null;
  readonly #ice: IceHandout;
  readonly #hub: string | null;
  readonly #connections = new Set<Connection>();
  readonly #peers = new Map<string, Connection>();
  readonly #door: FrontDoor;
  #started = false;
  #relayed = 0;
  #refused = 0;
  #dropped = 0;

  constructor(options: RendezvousServerOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#limits = options.limits;
    this.#stunPort = options.stunPort;
    this.#ice = options.ice ?? (() => ({ stun: [this.#stunPort()].flatMap((port) => (port === null ? [] : [`stun::${port}`])), turn: [] }));
    this.#hub = options.hub ?? null;
    const http = this.#serveHttp();
    const { clock, log, limits, admits = () => true, stun = null, tls = null } = options;
    this.#door = new FrontDoor({ clock, log, limits, admits, http, stun, tls });
  }

  get counters(): RendezvousCounters {
    const { size } = this.#connections;
    return {
      connections: size,
      peers: this.#peers.size,
      relayed: this.#relayed,
      refused: this.#refused + this.#door.refused,
      dropped: this.#dropped,
    };
  }

  /** @returns the port. @throws CodedError `port-in-use`, `usage` when the address is not this machine's. */
  async start(bind: string, port: number): Promise<number> {
    const taken = await this.#door.start(bind, port);
    this.#started = true;
    return taken;
  }

  /** A renewed certificate, for those who connect from now on. */
  useCertificate(tls: TlsIdentity): void {
    this.#door.useCertificate(tls);
  }

  async close(): Promise<void> {
    if (!this.#started) return;
    this.#started = false;
    for (const { socket } of this.#connections) socket.close(1001, 'the rendezvous is shutting down');
    const deadline = this.#clock.setTimeout(() => this.#door.destroyAll(), 500);
    await this.#door.close();
    deadline.cancel();
  }

  /** HTTP on connections that another accepted: WebSockets, and a word to everybody else. */
  #serveHttp(): (socket: Socket, settled: () => void) => void {
    const http = createServer((request, response) => {
      const isHealth = request.url === '/healthz';
      const headers = { 'content-type': 'text/plain', 'connection': 'close', ...(isHealth ? {} : { upgrade: 'websocket' }) };
      response.writeHead(isHealth ? 200 : 426, headers);
      response.end(isHealth ? 'ok\n' : 'This is a Keyhole rendezvous: peers connect to it by WebSocket.\n');
    });
    const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_RENDEZVOUS_MESSAGE, perMessageDeflate: false });
    const settlers = new WeakMap<object, () => void>();
    http.on('upgrade', (request, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        settlers.get(socket)?.();
        this.#accept(webSocket, request);
      });
    });
    return (socket, settled) => {
      settlers.set(socket, settled);
      http.emit('connection', socket);
      socket.resume();
    };
  }

  #accept(socket: WebSocket, request: IncomingMessage): void {
    const held = this.#door.heldBy(request.socket.remoteAddress ?? '');
    if (this.#connections.size >= this.#limits.connections || held > this.#limits.connectionsPerAddress) {
      this.#refused += 1;
      socket.close(CLOSE.limit, 'too many connections');
      return;
    }
    const connection: Connection = {
      remote: request.socket.remoteAddress ?? '',
      socket,
      host: (request.headers.host ?? '').toLowerCase(),
      nonce: randomBytes(32),
      bucket: new TokenBucket(this.#clock, this.#limits.messagesPerSecond, this.#limits.messageBurst),
      address: null,
      answered: true,
      stop: () => timer.cancel(),
    };
    let timer = this.#clock.setTimeout(() => this.#refuse(connection, 'refused', 'not registered in time'), this.#limits.registerMs);
    const probe = () => {
      if (!connection.answered) return socket.terminate();
      connection.answered = false;
      socket.ping();
      timer = this.#clock.setTimeout(probe, this.#limits.heartbeatMs);
    };
    this.#connections.add(connection);
    // They cost as much as messages, and a ping is answered by itself, whether the answers are read or not.
    const onControl = () => {
      connection.answered = true;
      if (socket.readyState === socket.OPEN && !connection.bucket.take()) this.#refuse(connection, 'limit', 'too many messages');
    };
    socket.on('ping', onControl);
    socket.on('pong', onControl);
    socket.on('error', (error) => this.#log.debug('connection error', { error: error.message }));
    socket.on('close', () => this.#forget(connection));
    socket.on('message', (data, binary) => {
      connection.answered = true;
      if (socket.readyState !== socket.OPEN) return;
      if (!connection.bucket.take()) return this.#refuse(connection, 'limit', 'too many messages');
      const before = connection.address;
      // ws hands text messages over as one Buffer unless told otherwise.
      this.#receive(connection, binary || !Buffer.isBuffer(data) ? '' : data.toString('utf8'));
      if (before === null && connection.address !== null) {
        timer.cancel();
        timer = this.#clock.setTimeout(probe, this.#limits.heartbeatMs);
      }
    });
    this.#say(connection, {
      type: 'challenge',
      version: RENDEZVOUS_VERSION,
      nonce: connection.nonce.toString('base64url'),
      stunPort: this.#stunPort(),
    });
  }

  #receive(connection: Connection, text: string): void {
    const message = parseJson(clientMessage, text);
    if (!message) return this.#refuse(connection, 'refused', 'a message makes no sense');
    if (message.type === 'register') {
      const key = Buffer.from(message.key, 'base64url');
      const transcript = registrationTranscript(connection.nonce, connection.host);
      if (connection.address !== null || !verifySignature(key, transcript, Buffer.from(message.signature, 'base64url'))) {
        return this.#refuse(
          connection,
          'refused',
          'the registration is not signed by its key for this host name (a proxy must pass the Host header on)',
        );
      }
      this.#register(connection, addressOf(key));
      return;
    }
    if (connection.address === null) return this.#refuse(connection, 'refused', 'not registered');
    if (message.type === 'credentials') {
      this.#say(connection, { type: 'credentials', ice: this.#ice(connection.address, connection.remote) });
      return;
    }
    const target = this.#peers.get(message.to);
    const outside = this.#hub !== null && connection.address !== this.#hub && message.to !== this.#hub;
    if (!target || outside) {
      this.#say(connection, { type: 'unreachable', to: message.to });
      return;
    }
    if (this.#say(target, { type: 'message', from: connection.address, data: message.data })) this.#relayed += 1;
  }

  /** The newest connection of an address has it: a peer that lost its network comes back before the old connection is known dead. */
  #register(connection: Connection, address: string): void {
    const older = this.#peers.get(address);
    if (older) {
      older.address = null;
      older.socket.close(CLOSE.replaced, 'registered anew from another connection');
    }
    connection.address = address;
    this.#peers.set(address, connection);
    this.#say(connection, { type: 'registered', address, ice: this.#ice(address, connection.remote) });
  }

  #refuse(connection: Connection, close: keyof typeof CLOSE, text: string): void {
    this.#refused += 1;
    this.#say(connection, { type: 'error', code: close, text });
    connection.socket.close(CLOSE[close], text.slice(0, 120));
  }

  /** False when it is dropped, because the peer does not read what it is sent. */
  #say({ socket }: Connection, message: ServerMessage): boolean {
    if (socket.readyState !== socket.OPEN) return false;
    if (socket.bufferedAmount > this.#limits.bufferedBytes) {
      this.#dropped += 1;
      return false;
    }
    socket.send(JSON.stringify(message));
    return true;
  }

  #forget(connection: Connection): void {
    connection.stop();
    this.#connections.delete(connection);
    if (connection.address !== null && this.#peers.get(connection.address) === connection) this.#peers.delete(connection.address);
  }
}
