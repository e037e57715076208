import { WebSocket } from 'ws';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import type { AddressKey } from '../identity.ts';
import type { IceOffer } from './ice-servers.ts';
import {
  MAX_RENDEZVOUS_MESSAGE,
  parseJson,
  registrationTranscript,
  RENDEZVOUS_VERSION,
  serverMessage,
  type ClientMessage,
  type ServerMessage,
} from './rendezvous-messages.ts';

/** How long a connection may take to be registered, ms. */
const REGISTER_MS = 8_000;
/** How long the server may take to answer the proof, ms: it has shown that it is there. */
const PROOF_MS = 4_000;
/** What may wait to be sent, bytes; more is refused. */
const MAX_BUFFERED = 512 * 1024;

export interface ConnectionEvents {
  /** The server asks for the proof, which is given when this returns. */
  challenged(connection: RendezvousConnection): void;
  registered(connection: RendezvousConnection, offer: IceOffer): void;
  /** What a registered peer is told. */
  message(message: Extract<ServerMessage, { type: 'message' | 'unreachable' | 'credentials' }>): void;
  /** A heartbeat was answered that was sent `heartbeatMs` or more after the registration. */
  proven(): void;
  /** Once, unless it was let go. */
  ended(connection: RendezvousConnection, why: string): void;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly addressKey: AddressKey;
  readonly clock: Clock;
  readonly heartbeatMs: number;
  readonly events: ConnectionEvents;
}

/** One WebSocket to a rendezvous, from its opening over the registration to its end. Never comes back. */
export class RendezvousConnection {
  readonly #options: ConnectionOptions;
  readonly #socket: WebSocket;
  #timer: Timer;
  #probe: Timer | null = null;
  #reason: string | null = null;
  #challenged = false;
  #registered = false;
  #over = false;
  #stunPort: number | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const socket = new WebSocket(options.url, {
      maxPayload: MAX_RENDEZVOUS_MESSAGE * 2,
      perMessageDeflate: false,
      handshakeTimeout: REGISTER_MS,
    });
    this.#socket = socket;
    this.#timer = options.clock.setTimeout(() => this.#giveUp('it did not answer in time'), REGISTER_MS);
    socket.on('message', (data, binary) => {
      const message = this.#over || binary || !Buffer.isBuffer(data) ? null : parseJson(serverMessage, data.toString('utf8'));
      if (message) this.#receive(message);
    });
    // Pings are answered by the WebSocket itself.
    socket.on('ping', () => socket.bufferedAmount > MAX_BUFFERED && socket.terminate());
    socket.on('error', (error) => (this.#reason ??= error.message));
    socket.on('close', (code, text) => {
      this.#end(this.#reason ?? (text.length > 0 ? text.toString('utf8') : `the connection ended (${code})`));
    });
  }

  get isRegistered(): boolean {
    return this.#registered;
  }

  /** False when too much waits to be sent, or it is over. */
  send(message: ClientMessage): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN || this.#socket.bufferedAmount > MAX_BUFFERED) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Asks for a sign of life now; without one within `timeoutMs` the connection ends. */
  probe(timeoutMs: number): void {
    if (this.#probe || this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.ping();
    this.#probe = this.#options.clock.setTimeout(() => this.#giveUp('it does not answer any more'), timeoutMs);
  }

  /** Ends it in silence. */
  letGo(): void {
    this.#over = true;
    this.#stopTimers();
    this.#socket.close(1000);
    // A server that does not answer the close must not hold the process.
    const force = this.#options.clock.setTimeout(() => this.#socket.terminate(), 300);
    if (this.#socket.readyState === WebSocket.CLOSED) force.cancel();
    else this.#socket.once('close', () => force.cancel());
  }

  #receive(message: ServerMessage): void {
    const { addressKey, url, clock, events } = this.#options;
    switch (message.type) {
      case 'challenge':
        if (message.version !== RENDEZVOUS_VERSION) {
          this.#giveUp(`it speaks version ${message.version} of the protocol, this program ${RENDEZVOUS_VERSION}`);
          return;
        }
        // Once: a server that asks without end, and reads nothing, would fill our memory with answers.
        if (this.#challenged) return;
        this.#challenged = true;
        this.#stunPort = message.stunPort;
        this.#timer.cancel();
        this.#timer = clock.setTimeout(() => this.#giveUp('it did not answer in time'), PROOF_MS);
        events.challenged(this);
        this.send({
          type: 'register',
          key: addressKey.publicKey.toString('base64url'),
          signature: addressKey
            .sign(registrationTranscript(Buffer.from(message.nonce, 'base64url'), new URL(url).host))
            .toString('base64url'),
        });
        break;
      case 'registered':
        if (message.address === addressKey.address && !this.#registered) this.#onRegistered(message.ice);
        break;
      case 'error':
        this.#reason = `it refused: ${message.text}`;
        break;
      default:
        if (this.#registered) events.message(message);
    }
  }

  #onRegistered(offer: IceOffer | undefined): void {
    const { clock, heartbeatMs, events } = this.#options;
    this.#registered = true;
    this.#timer.cancel();
    let answered = true;
    let proven = false;
    this.#socket.on('pong', () => {
      answered = true;
      this.#probe?.cancel();
      this.#probe = null;
    });
    const beat = () => {
      if (!answered) return this.#giveUp('it does not answer any more');
      if (proven) events.proven();
      proven = true;
      answered = false;
      this.#socket.ping();
      this.#timer = clock.setTimeout(beat, heartbeatMs);
    };
    this.#timer = clock.setTimeout(beat, heartbeatMs);
    // Servers before 0.2 name a STUN port, and nothing more.
    events.registered(this, offer ?? { stun: this.#stunPort === null ? [] : [`stun::${this.#stunPort}`], turn: [] });
  }

  /** Does not wait for the network to agree. */
  #giveUp(why: string): void {
    this.#socket.terminate();
    this.#end(why);
  }

  #end(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopTimers();
    this.#options.events.ended(this, why);
  }

  #stopTimers(): void {
    this.#timer.cancel();
    this.#probe?.cancel();
    this.#probe = null;
  }
}
