import type { z } from 'zod';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { CodedError, isErrorCode, type ErrorCode } from '../../electron/base/errors.ts';
import type { Log } from '../../electron/base/log.ts';
import type { Identity } from '../identity.ts';
import { SessionBinding, type SessionRole } from './binding.ts';
import type { BulkCiphers } from './bulk-channel.ts';
import { ClockOffset } from './clock-offset.ts';
import { ControlChannel } from './control-channel.ts';
import type { CameraControl, ViewerControl } from './control-messages.ts';
import type { Transport, TransportState } from './transport.ts';

export interface SessionTimes {
  /** From offer and answer to a working pair of candidates, ms. */
  readonly iceMs: number;
  /** From there to the end of the DTLS handshake: it does not survive every loss, so that beginning anew is quicker than waiting. */
  readonly dtlsMs: number;
  /** From there to both proofs checked. */
  readonly bindMs: number;
  readonly pingMs: number;
  /** Without any control message for this long the session is lost: as long as that another path is looked for. */
  readonly lostMs: number;
}

/** Control messages that the other end has not taken, bytes: who does not read, and goes on asking, is let go. */
const MAX_BACKLOG = 256 * 1024;

export const SESSION_TIMES: SessionTimes = { iceMs: 8_000, dtlsMs: 6_000, bindMs: 5_000, pingMs: 1_000, lostMs: 60_000 };

export interface SessionOptions {
  readonly identity: Pick<Identity, 'sign'>;
  /** The identity the other end must have, by pairing. */
  readonly remotePublicKey: Uint8Array;
  /** Of the secure channel that carried offer and answer. */
  readonly handshakeHash: Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
  readonly times?: SessionTimes;
}

type Common = Extract<CameraControl, { type: 'ping' | 'pong' | 'bye' }>;

/**
 * What both ends of a session do alike: wait for ICE and DTLS with timers of their own, prove and check identities, keep the
 * control channel alive, measure round trip and clock. Media is let through only after `prove`d and checked.
 */
export class SessionCore<In extends CameraControl | ViewerControl, Out extends CameraControl | ViewerControl> {
  /** The other end's control messages, without pings. */
  readonly messages = new Emitter<In>();
  /** Once, when the session is over; nothing comes after it. */
  readonly closed = new Emitter<CodedError>();
  readonly offset = new ClockOffset();
  readonly #synced = new Emitter<void>();
  readonly #transport: Transport;
  readonly #role: SessionRole;
  readonly #schema: z.ZodType<In>;
  readonly #options: SessionOptions;
  readonly #times: SessionTimes;
  readonly #bound: Promise<void>;
  #settle: { resolve: () => void; reject: (error: CodedError) => void } | null = null;
  #control: ControlChannel<In, Out | Common> | null = null;
  #binding: SessionBinding | null = null;
  #timer: Timer | null = null;
  #proved = false;
  #heardAt = 0;
  #pings = 0;
  #over: CodedError | null = null;

  constructor(transport: Transport, role: SessionRole, schema: z.ZodType<In>, options: SessionOptions) {
    this.#transport = transport;
    this.#role = role;
    this.#schema = schema;
    this.#options = options;
    this.#times = options.times ?? SESSION_TIMES;
    this.#bound = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.#bound.catch(() => {}); // told to whoever waits, and by `closed`
    transport.state.on((state) => this.#onTransport(state));
    transport.controlReady.on(() => this.#prove());
    transport.controlMessages.on((bytes) => this.#onControl(bytes));
  }

  /** Starts the timers; to be called when offer and answer have been exchanged. */
  begin(): void {
    if (this.#transport.current === 'new' || this.#transport.current === 'ice') {
      this.#deadline(this.#times.iceMs, 'ice-failed', this.#noPath());
    }
  }

  /** Resolves when both identities are proven and media may flow. @throws CodedError */
  bound(): Promise<void> {
    return this.#bound;
  }

  /** Resolves when the clocks have been compared once, or `timeoutMs` have passed. */
  synced(timeoutMs: number): Promise<void> {
    if (this.offset.known) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimeout(() => this.#synced.emit(), timeoutMs);
      const off = this.#synced.on(() => {
        off();
        timer.cancel();
        resolve();
      });
    });
  }

  get isBound(): boolean {
    return this.#settle === null && !this.#over;
  }

  /** Of the bulk channel; null before both identities are proven. */
  get bulkCiphers(): BulkCiphers | null {
    return this.isBound ? (this.#binding?.bulk ?? null) : null;
  }

  /** Why the session is over; null while it is not. */
  get over(): CodedError | null {
    return this.#over;
  }

  send(message: Out | Common): void {
    if (!this.#control || this.#over) return;
    if (this.#transport.controlBacklog > MAX_BACKLOG) {
      this.#end(new CodedError('session-lost', 'The other end does not take what it is sent.'));
      return;
    }
    this.#control.send(message);
  }

  /** Says goodbye and ends the session. */
  async close(code: ErrorCode = 'closed', text = 'The session was closed.'): Promise<void> {
    if (this.#over) return;
    if (this.isBound) this.send({ type: 'bye', code, text });
    // The farewell is on its way before the sockets close.
    await new Promise((resolve) => setImmediate(resolve));
    this.#end(new CodedError(code, text));
  }

  #onTransport(state: TransportState): void {
    if (state === 'dtls') {
      this.#deadline(
        this.#times.dtlsMs,
        'dtls-failed',
        'The encrypted connection to the camera could not be set up in time: packets were lost. It is tried again.',
      );
    } else if (state === 'secured') {
      this.#deadline(this.#times.bindMs, 'dtls-failed', 'The camera did not prove its identity in time.');
      this.#bind();
    } else if (state === 'failed') {
      const reason = this.isBound
        ? new CodedError('session-lost', 'The connection to the camera broke.')
        : this.#binding || this.#transport.facts
          ? new CodedError('dtls-failed', 'The encrypted connection to the camera broke while it was set up.')
          : new CodedError('ice-failed', 'The connection to the camera could not be set up.');
      this.#end(reason);
    }
  }

  #noPath(): string {
    const { relayFailure } = this.#transport;
    const relay = relayFailure ? `the relay does not help: ${relayFailure.message}` : 'there is no relay to go through.';
    return `No direct path to the camera was found: both networks may be too strict, and ${relay}`;
  }

  #bind(): void {
    const { facts } = this.#transport;
    if (!facts) return;
    if (!facts.extendedMasterSecret) {
      this.#end(
        new CodedError('identity-mismatch', 'The connection lacks the extended master secret: somebody on the way has weakened it.'),
      );
      return;
    }
    this.#binding = new SessionBinding(this.#role, facts, this.#options.handshakeHash);
    this.#prove();
  }

  /** The proof is the first message on the control channel, sent as soon as there are both a binding and a channel. */
  #prove(): void {
    if (!this.#binding || this.#proved) return;
    this.#proved = this.#transport.sendControl(this.#binding.prove(this.#options.identity));
  }

  #onControl(bytes: Buffer): void {
    if (this.#over || !this.#binding) return;
    if (!this.#control) {
      if (!this.#binding.isProof(this.#options.remotePublicKey, bytes)) {
        this.#end(
          new CodedError('identity-mismatch', 'Whoever answered could not prove to be the paired camera: somebody may stand in between.'),
        );
        return;
      }
      this.#prove();
      this.#control = new ControlChannel(this.#schema, this.#binding, (out) => void this.#transport.sendControl(out));
      this.#transport.release();
      this.#timer?.cancel();
      this.#heardAt = this.#options.clock.monotonic();
      this.#settle?.resolve();
      this.#settle = null;
      this.#ping();
      return;
    }
    const message = this.#control.open(bytes);
    if (!message) return;
    this.#heardAt = this.#options.clock.monotonic();
    const { clock } = this.#options;
    if (message.type === 'ping') this.send({ type: 'pong', sent: message.sent, at: clock.now() });
    else if (message.type === 'pong') this.#onPong(message.sent, message.at);
    else if (message.type === 'bye') this.#end(new CodedError(isErrorCode(message.code) ? message.code : 'session-lost', message.text));
    else this.messages.emit(message);
  }

  #onPong(sent: number, at: number): void {
    this.offset.add(sent, at, this.#options.clock.now());
    this.#synced.emit();
  }

  #ping(): void {
    if (this.#over) return;
    const { clock } = this.#options;
    if (clock.monotonic() - this.#heardAt > this.#times.lostMs) {
      this.#end(lost());
      return;
    }
    this.#pings += 1;
    this.send({ type: 'ping', sent: clock.now() });
    // The first ones come quickly: the clocks' difference is wanted with the first frame.
    this.#timer = clock.setTimeout(() => this.#ping(), this.#pings < 5 ? this.#times.pingMs / 5 : this.#times.pingMs);
  }

  #deadline(ms: number, code: ErrorCode, text: string): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => this.#end(new CodedError(code, text)), ms);
  }

  #end(error: CodedError): void {
    if (this.#over) return;
    this.#over = error;
    this.#timer?.cancel();
    this.#settle?.reject(error);
    this.#settle = null;
    void this.#transport.close();
    this.#synced.emit();
    this.closed.emit(error);
    this.closed.clear();
    this.messages.clear();
  }
}

function lost(): CodedError {
  return new CodedError('session-lost', 'The camera has not been heard of for some seconds: its network or power may be gone.');
}
