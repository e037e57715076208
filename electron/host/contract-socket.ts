import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { WebSocketServer, type WebSocket } from 'ws';
import { CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { MAX_MESSAGE_BYTES, decodeMessage, encodeMessage, type WireMessage } from '../contract/wire.ts';

/** Pages and tabs open at once. */
export const MAX_CONNECTIONS = 32;
/** What pages send is questions, never media. */
const MAX_INCOMING_BYTES = 1024 * 1024;
/** The streams' credits bound what is on its way; a connection that still gets this far behind is not read by anybody. */
const MAX_BUFFERED_BYTES = MAX_MESSAGE_BYTES;
const PING_EVERY_MS = 30_000;

/** RFC 6455 §7.4.1. */
const CLOSE = { policy: 1008, tooSlow: 1013, restart: 1012, goingAway: 1001 } as const;

/** Joins each WebSocket at `/api/v1/contract` to a port of the engine, message by message, looking at none of them. */
export class ContractSockets {
  readonly #connect: (port: MessagePort) => Promise<void>;
  readonly #log: Log;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MAX_INCOMING_BYTES, perMessageDeflate: false });
  readonly #alive = new WeakSet<WebSocket>();
  readonly #pings: NodeJS.Timeout;
  #pending = 0;
  /** Connections closed because their reader was too slow. */
  tooSlow = 0;

  constructor(deps: { connect: (port: MessagePort) => Promise<void>; log: Log }) {
    this.#connect = deps.connect;
    this.#log = deps.log;
    this.#pings = setInterval(() => this.#pingAll(), PING_EVERY_MS);
    this.#pings.unref();
  }

  get size(): number {
    return this.#server.clients.size;
  }

  /** Takes an upgrade that the guard has let through. Rejects (before answering) with `too-busy` or `engine-restarted`. */
  async accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (this.size + this.#pending >= MAX_CONNECTIONS) {
      throw new CodedError('too-busy', `There are ${MAX_CONNECTIONS} connections already. Close some of Keyhole's pages.`);
    }
    const { port1, port2 } = new MessageChannel();
    this.#pending += 1;
    try {
      await this.#connect(port2);
    } catch (error) {
      port1.close();
      throw error;
    } finally {
      this.#pending -= 1;
    }
    if (socket.destroyed) port1.close();
    else this.#server.handleUpgrade(request, socket, head, (ws) => this.#join(ws, port1));
  }

  close(): void {
    clearInterval(this.#pings);
    for (const ws of this.#server.clients) {
      ws.close(CLOSE.goingAway, 'Keyhole is closing');
      // A page that does not answer must not hold up the end.
      setTimeout(() => ws.terminate(), 1000).unref();
    }
    this.#server.close();
  }

  #join(ws: WebSocket, port: MessagePort): void {
    this.#alive.add(ws);
    ws.on('pong', () => this.#alive.add(ws));
    ws.on('error', (error) => this.#log.warn('a page connection failed', { why: error.message }));
    ws.on('message', (data: Buffer, isBinary) => {
      try {
        if (isBinary) throw new Error('questions are text');
        port.postMessage(decodeMessage(data.toString('utf8')));
      } catch {
        ws.close(CLOSE.policy, 'not a message of the contract');
      }
    });
    port.on('message', (message: WireMessage) => {
      if (ws.readyState !== ws.OPEN) return;
      ws.send(encodeMessage(message));
      if (ws.bufferedAmount <= MAX_BUFFERED_BYTES) return;
      this.tooSlow += 1;
      this.#log.warn('a page does not read what it asked for and is disconnected', { bufferedBytes: ws.bufferedAmount });
      ws.terminate();
    });
    port.once('close', () => ws.close(CLOSE.restart, 'the engine is being restarted'));
    ws.once('close', () => port.close());
  }

  #pingAll(): void {
    for (const ws of this.#server.clients) {
      if (!this.#alive.delete(ws)) ws.terminate();
      else ws.ping();
    }
  }
}
