import { randomBytes } from 'node:crypto';
import type { Timer } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { asCoded, type CodedError, type ErrorCode } from '../../electron/base/errors.ts';
import type { PunchBudget } from '../nat/punch-budget.ts';
import type { NatSummary } from '../nat/report.ts';
import { BandwidthControl } from './bandwidth-control.ts';
import { BulkChannel } from './bulk-channel.ts';
import { BulkServer, type Spool } from './bulk-server.ts';
import { viewerControl, type CameraControl, type ViewerControl } from './control-messages.ts';
import { RtpStream } from './rtp-stream.ts';
import { SessionCore, type SessionOptions } from './session-core.ts';
import type { ConsentState } from '../path/consent.ts';
import type { IceOptions } from '../path/ice-gather.ts';
import { PathAnswerer } from '../path/path-answerer.ts';
import type { PathAnswer, PathOffer } from '../path/path-messages.ts';
import { farther, type PathKind, type SelectedPair } from '../path/selected-pair.ts';
import { sessionIdOf } from './session-id.ts';
import { Transport } from './transport.ts';

export interface CameraSessionOptions extends SessionOptions {
  /** Servers and policy as they are now. */
  readonly ice: () => IceOptions;
  /** False: the viewer wants no relay. */
  readonly relay?: boolean;
  readonly nat?: () => NatSummary | null;
  readonly punchBudget?: () => Partial<PunchBudget>;
}

/** The longest that gathering candidates may take, ms. */
const ACCEPT_MS = 15_000;
/** The last packets of a stream that has ended are still repeated for so long, ms. */
const AFTERLIFE_MS = 2_000;

const BEGIN_AT_MOST_EVERY_MS = 2_000;

/** The camera's end: answers an offer, sends RTP, repeats what got lost. Used once. */
export class CameraSession {
  /** The viewer has proven itself, has checked us, and wants media. Once. */
  readonly ready = new Emitter<void>();
  readonly closed: Emitter<CodedError>;
  /** The viewer cannot decode without a keyframe in the stream with this SSRC. */
  readonly keyframeWanted = new Emitter<number>();
  readonly #options: CameraSessionOptions;
  readonly #transport: Transport;
  readonly #core: SessionCore<ViewerControl, CameraControl>;
  /** The path is in doubt, dead, or fresh again. */
  readonly consentChanged: Emitter<ConsentState>;
  /** Pictures were lost while the path was dead, and another carries them now: the viewer needs a beginning. */
  readonly recovered = new Emitter<void>();
  /** Both ends know the session by it. */
  readonly id: string;
  readonly #answerer: PathAnswerer;
  /** What the way carries, and how fast media may go. */
  readonly bandwidth: BandwidthControl;
  readonly #streams = new Map<number, RtpStream>();
  readonly #afterlives = new Set<Timer>();
  #wasLost = false;
  #begunAt = -Infinity;
  #isReady = false;
  /** The viewer knows the bulk channel. */
  #knowsBulk = false;
  #spool: Spool | null = null;
  #bulk: BulkServer | null = null;
  #theirKind: PathKind = 'host';

  private constructor(options: CameraSessionOptions, transport: Transport) {
    this.#options = options;
    this.#transport = transport;
    this.#core = new SessionCore<ViewerControl, CameraControl>(transport, 'camera', viewerControl, options);
    this.closed = this.#core.closed;
    this.id = sessionIdOf(options.handshakeHash);
    this.consentChanged = transport.paths.consentChanged;
    this.#answerer = new PathAnswerer({
      paths: transport.paths,
      ice: () => ({ ...options.ice(), ...(options.relay === false ? { policy: 'direct' as const } : {}) }),
      nat: () => options.nat?.() ?? null,
      punchBudget: () => options.punchBudget?.() ?? {},
      clock: options.clock,
      log: options.log,
    });
    this.bandwidth = new BandwidthControl({
      wire: transport,
      clock: options.clock,
      rttMs: () => this.rttMs,
      isTold: () => transport.hasArrivals,
      bulkFlight: () => transport.bulkFlight,
    });
    transport.bulkMessages.on((bytes) => this.#bulk?.take(bytes));
    transport.arrivals.on((arrivals) => this.bandwidth.onFeedback(arrivals));
    this.#core.messages.on((message) => this.#onControl(message));
    this.consentChanged.on((state) => {
      if (state === 'lost') this.#wasLost = true;
      else if (state === 'fresh') this.#onRecovered();
    });
    transport.paths.changed.on((path) => {
      this.#theirKind = 'host';
      if (this.#core.isBound && path.pair) this.send({ type: 'path-kind', path: path.pair.kind });
      this.bandwidth.reset();
      this.#onRecovered();
    });
    this.closed.on(() => this.#answerer.close());
    this.closed.on(() => {
      this.bandwidth.close();
      for (const timer of this.#afterlives) timer.cancel();
    });
    transport.lost.on(({ ssrc, sequenceNumbers }) => this.#streams.get(ssrc)?.repeat(sequenceNumbers));
    transport.keyframeWanted.on((ssrc) => this.#streams.has(ssrc) && this.keyframeWanted.emit(ssrc));
  }

  static async create(options: CameraSessionOptions): Promise<CameraSession> {
    const ice = options.ice();
    const policy = options.relay === false ? 'direct' : ice.policy;
    return new CameraSession(options, await Transport.create('camera', { ...ice, policy }, options.clock, options.log));
  }

  /** The answer to an offer. @throws whatever is wrong with the offer */
  async accept(offer: string, reliableHandshake = false): Promise<string> {
    // Whatever an offer makes the library wait for, it does not keep the session's place for ever.
    const limit = this.#options.clock.setTimeout(
      () => void this.close('ice-failed', 'The offer could not be answered in time.'),
      ACCEPT_MS,
    );
    try {
      const answer = await this.#transport.acceptOffer(offer, reliableHandshake);
      this.#core.begin();
      return answer;
    } catch (error) {
      await this.close('protocol-error', 'The offer makes no sense.');
      throw error;
    } finally {
      limit.cancel();
    }
  }

  /** A new stream with an SSRC of its own. */
  createStream(payloadType: number): RtpStream {
    const stream = new RtpStream({
      ssrc: randomBytes(4).readUInt32BE(),
      payloadType,
      wire: this.bandwidth,
      clock: this.#options.clock,
    });
    this.#streams.set(stream.ssrc, stream);
    return stream;
  }

  endStream(stream: RtpStream): void {
    const timer = this.#options.clock.setTimeout(() => {
      this.#streams.delete(stream.ssrc);
      this.#afterlives.delete(timer);
    }, AFTERLIFE_MS);
    this.#afterlives.add(timer);
  }

  send(message: CameraControl): void {
    this.#core.send(message);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get pair(): SelectedPair | null {
    const { pair } = this.#transport.paths;
    return pair && { ...pair, kind: farther(pair.kind, this.#theirKind) };
  }

  /** The answer to a viewer's offer of a further path. @throws CodedError why there is none */
  answerPath(offer: PathOffer): Promise<PathAnswer> {
    // Where there is no path at all yet, this one gets as long as the first.
    this.#core.begin();
    return this.#answerer.answer(offer);
  }

  /** This end's network has changed: the path is asked at once, and the viewer for another one. */
  networkChanged(): void {
    if (!this.#core.isBound) return;
    this.#transport.paths.current?.hurry();
    this.send({ type: 'path-wanted' });
  }

  /** More is known of our own NAT. */
  tellNat(): void {
    const nat = this.#options.nat?.() ?? null;
    if (nat && this.#isReady) this.send({ type: 'nat', nat });
  }

  get consent(): ConsentState {
    return this.#transport.paths.consent;
  }

  get relayedBytes(): number {
    return this.#transport.paths.relayedBytes;
  }

  /** Says hello: the first message after the viewer is ready. */
  hello(name: string): void {
    const spool = this.#spool?.state;
    this.send({ type: 'hello', version: 1, name, path: this.#transport.paths.pair?.kind ?? 'host', ...(spool ? { spool } : {}) });
    this.tellNat();
  }

  /** Lets the viewer, if it knows how, fetch what it missed. To be called once, when it is ready, before `hello`. */
  serveSpool(spool: Spool): void {
    const ciphers = this.#core.bulkCiphers;
    if (!ciphers || !this.#knowsBulk || this.#spool) return;
    this.#spool = spool;
    this.#bulk = new BulkServer({
      spool,
      channel: new BulkChannel(ciphers),
      share: this.bandwidth.bulk,
      isOpen: () => this.consent === 'fresh',
      send: (sealed) => void this.#transport.sendBulk(sealed),
      clock: this.#options.clock,
    });
    const off = spool.changed.on(() => this.send({ type: 'spool', spool: spool.state }));
    this.closed.on(() => {
      off();
      this.#bulk?.close();
    });
  }

  /** The shortest round trip of the last minute, ms; null before there is one. */
  get rttMs(): number | null {
    return this.#core.offset.known ? this.#core.offset.rttMs : (this.#transport.paths.pair?.rttMs ?? null);
  }

  async close(code: ErrorCode = 'closed', text = 'The camera ended the session.'): Promise<void> {
    await this.#core.close(code, text);
    this.ready.clear();
    this.keyframeWanted.clear();
    this.recovered.clear();
    await this.#transport.close();
  }

  #onControl(message: ViewerControl): void {
    if (message.type === 'ready' && !this.#isReady) {
      this.#isReady = true;
      this.#knowsBulk = message.bulk === true;
      this.#setTheirKind(message.path);
      this.ready.emit();
    } else if (message.type === 'path-kind') {
      this.#setTheirKind(message.path);
    } else if (message.type === 'resume') {
      this.#beginAnew();
    } else if (message.type === 'path-offer') {
      const { id } = message.offer;
      this.answerPath(message.offer).then(
        (answer) => this.send({ type: 'path-answer', answer }),
        (error: unknown) => {
          const { code, message: text } = asCoded(error);
          this.send({ type: 'path-refused', id, code, text: text.slice(0, 512) });
        },
      );
    }
  }

  #setTheirKind(kind: PathKind): void {
    this.#theirKind = kind;
    this.#transport.paths.theirKind = kind;
  }

  #onRecovered(): void {
    if (!this.#wasLost || this.consent !== 'fresh') return;
    this.#wasLost = false;
    this.#beginAnew();
  }

  /** Both ends may notice; it is done once. */
  #beginAnew(): void {
    const now = this.#options.clock.monotonic();
    if (!this.#isReady || now - this.#begunAt < BEGIN_AT_MOST_EVERY_MS) return;
    this.#begunAt = now;
    // What was sent before is of no use to the viewer any more.
    this.#streams.clear();
    this.recovered.emit();
  }
}
