import { randomBytes } from 'node:crypto';
import type { RemoteInfo, Socket } from 'node:dgram';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import { readMappedAddress, readXorMappedAddress, type Endpoint } from '../stun/address.ts';
import { ATTRIBUTE, attributeOf, METHOD_BINDING, parseStun, STUN_CLASS, writeStun, type StunMessage } from '../stun/message.ts';
import { closeUdp, sendUdp } from './udp.ts';

/** When a question is said again: an answer that the NAT lets through comes within a second. */
const SEND_AT_MS = [0, 200, 600];
const GIVE_UP_MS = 1_500;
const CHANGE_ADDRESS = 4;
const CHANGE_PORT = 2;

/** What a server says (RFC 8489 §6.3.1, RFC 5780 §7). */
export interface BindingAnswer {
  readonly mapped: Endpoint;
  /** Where the server's other address and port are; null when it has none. */
  readonly other: Endpoint | null;
  readonly from: Endpoint;
}

export interface BindingQuestion {
  /** From where the answer shall come: RFC 5780 §7.2. */
  readonly change?: { readonly address: boolean; readonly port: boolean };
  /** To which of our public ports the answer shall go: RFC 5780 §7.5. */
  readonly responsePort?: number;
}

interface Pending {
  readonly fits: (from: Endpoint) => boolean;
  readonly finish: (answer: BindingAnswer | 'refused' | null) => void;
}

/** A UDP socket that asks STUN servers, several at a time, and keeps its one mapping all the while. */
export class StunSocket {
  readonly port: number;
  readonly #socket: Socket;
  readonly #clock: Clock;
  #closed = false;
  readonly #pending = new Map<string, Pending>();
  /** Transactions of answers and questions that came and were not awaited here: from elsewhere, for `heard`. */
  readonly #waiting = new Map<string, (came: boolean) => void>();
  readonly #onMessage = (bytes: Buffer, from: RemoteInfo) => this.#receive(bytes, from);

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.port = socket.address().port;
    socket.on('message', this.#onMessage);
    socket.on('error', ignore);
  }

  /**
   * The answer of a server; only from the address and port that it should come from. Null: none came within 1.5 s;
   * `refused`: the server does not do what was asked.
   */
  ask(server: Endpoint, { change, responsePort }: BindingQuestion = {}): Promise<BindingAnswer | 'refused' | null> {
    if (this.#closed) return Promise.resolve(null);
    const { address = false, port = false } = change ?? {};
    // One that comes from where the question went was not changed, whatever the server says.
    const fits = (from: Endpoint) => (from.address !== server.address) === address && (address || (from.port !== server.port) === port);
    const { key, bytes } = question({ address, port }, responsePort);
    return new Promise((resolve) => {
      const timers: Timer[] = [];
      const finish = (answer: BindingAnswer | 'refused' | null) => {
        for (const timer of timers) timer.cancel();
        this.#pending.delete(key);
        resolve(answer);
      };
      this.#pending.set(key, { fits, finish });
      sendUdp(this.#socket, bytes, server);
      for (const ms of SEND_AT_MS.slice(1)) timers.push(this.#clock.setTimeout(() => sendUdp(this.#socket, bytes, server), ms));
      timers.push(this.#clock.setTimeout(() => finish(null), GIVE_UP_MS));
    });
  }

  /** Sends a Binding request three times to who need not be a server; {@link heard} there tells whether it came. */
  send(to: Endpoint, transaction: Buffer): void {
    const bytes = writeStun({ class: STUN_CLASS.request, method: METHOD_BINDING, transactionId: transaction }, []);
    sendUdp(this.#socket, bytes, to);
    for (const ms of [100, 300]) this.#clock.setTimeout(() => sendUdp(this.#socket, bytes, to), ms);
  }

  /** Asks a server to answer to another port than this socket's; whether that arrives, the socket there knows. */
  sendResponseTo(server: Endpoint, responsePort: number, transaction: Buffer): void {
    const { bytes } = question({ address: false, port: false }, responsePort, transaction);
    for (const ms of SEND_AT_MS) this.#clock.setTimeout(() => sendUdp(this.#socket, bytes, server), ms);
  }

  /** Whether a message of that transaction comes in within `ms`. */
  heard(transaction: Buffer, ms: number): Promise<boolean> {
    const key = transaction.toString('hex');
    if (this.#closed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (came: boolean) => {
        timer.cancel();
        this.#waiting.delete(key);
        resolve(came);
      };
      const timer = this.#clock.setTimeout(() => finish(false), ms);
      this.#waiting.set(key, finish);
    });
  }

  /** What is asked or awaited ends without an answer. */
  close(): void {
    closeUdp(this.release());
  }

  /** As `close`, but the socket stays open, with its mapping, and is the caller's. */
  release(): Socket {
    this.#closed = true;
    this.#socket.off('message', this.#onMessage);
    this.#socket.off('error', ignore);
    this.#endAll();
    return this.#socket;
  }

  #endAll(): void {
    for (const { finish } of [...this.#pending.values()]) finish(null);
    for (const finish of [...this.#waiting.values()]) finish(false);
  }

  #receive(bytes: Buffer, { address, port }: RemoteInfo): void {
    const message = parseStun(bytes);
    if (!message) return;
    const key = message.transactionId.toString('hex');
    this.#waiting.get(key)?.(true);
    const pending = this.#pending.get(key);
    if (!pending || message.method !== METHOD_BINDING) return;
    const from = { address, port };
    if (message.class === STUN_CLASS.error) return pending.finish('refused');
    const answer = message.class === STUN_CLASS.success && pending.fits(from) ? readAnswer(message, from) : null;
    if (answer) pending.finish(answer);
  }
}

function question(change: { address: boolean; port: boolean }, responsePort?: number, transaction: Buffer = randomBytes(12)) {
  const attributes: { type: number; value: Buffer }[] = [];
  if (change.address || change.port) {
    const flags = (change.address ? CHANGE_ADDRESS : 0) | (change.port ? CHANGE_PORT : 0);
    attributes.push({ type: ATTRIBUTE.changeRequest, value: Buffer.from([0, 0, 0, flags]) });
  }
  if (responsePort !== undefined) {
    const value = Buffer.alloc(4);
    value.writeUInt16BE(responsePort, 0);
    attributes.push({ type: ATTRIBUTE.responsePort, value });
  }
  const bytes = writeStun({ class: STUN_CLASS.request, method: METHOD_BINDING, transactionId: transaction }, attributes);
  return { key: transaction.toString('hex'), bytes };
}

function readAnswer(message: StunMessage, from: Endpoint): BindingAnswer | null {
  const xor = attributeOf(message, ATTRIBUTE.xorMappedAddress);
  const plain = attributeOf(message, ATTRIBUTE.mappedAddress);
  const mapped = xor ? readXorMappedAddress(xor, message.transactionId) : plain ? readMappedAddress(plain) : null;
  const other = attributeOf(message, ATTRIBUTE.otherAddress);
  return mapped && { mapped, other: other ? readMappedAddress(other) : null, from };
}

function ignore(): void {}
