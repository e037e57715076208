import { Emitter } from '../../electron/base/emitter.ts';
import { CodedError, type ErrorCode } from '../../electron/base/errors.ts';
import type { AppMessage, CameraMessage } from '../pairing/channel-messages.ts';
import type { PunchBudget } from '../nat/punch-budget.ts';
import type { NatSummary } from '../nat/report.ts';
import type { SignalingLink } from '../signaling/link.ts';
import type { ConsentState } from '../path/consent.ts';
import { PROBE_PAYLOAD_TYPE } from './bandwidth-control.ts';
import { BulkChannel } from './bulk-channel.ts';
import { BulkClient, type SpoolReader } from './bulk-client.ts';
import type { SpoolState } from './bulk-messages.ts';
import { cameraControl, type CameraControl, type ViewerControl } from './control-messages.ts';
import { NackTracker } from './nack-tracker.ts';
import { SessionCore, type SessionOptions } from './session-core.ts';
import type { IceOptions } from '../path/ice-gather.ts';
import { PathInquiry } from '../path/path-inquiry.ts';
import { PathKeeper, type AskCamera, type PathAttempt } from '../path/path-keeper.ts';
import { farther, type PairReport, type PathKind } from '../path/selected-pair.ts';
import { sessionIdOf } from './session-id.ts';
import { Transport, type InboundPacket } from './transport.ts';
import { TwccRecorder } from './twcc-recorder.ts';

export interface SessionPath {
  readonly kind: PathKind;
  /** `address:port` */
  readonly local: string;
  readonly remote: string;
  readonly rttMs: number | null;
  /** Packets lost in the last 5 s, percent, before repair. */
  readonly lossPct: number | null;
}

export interface ViewerSessionOptions extends Omit<SessionOptions, 'handshakeHash' | 'remotePublicKey'> {
  /** To the camera; its identity is the one the session must have. */
  readonly link: SignalingLink;
  /** Servers, and whether a relay may be used, as they are now. */
  readonly ice: () => IceOptions;
  readonly answerMs?: number;
  /** Asks the same camera over another link, for when the session's own path is dead. Null: there is none (texts carried by hand). */
  readonly askAgain?: ((message: Promise<AppMessage>) => Promise<CameraMessage>) | null;
  readonly nat?: () => NatSummary | null;
  /** Null: no hole punching beyond ICE's. */
  readonly punchBudget?: () => Partial<PunchBudget> | null;
}

/** How long a hole may be filled, ms, while nothing is known of its stream. */
const REPAIR_MS = 250;
/** Streams of one session that are known at a time; a camera has two. */
const MAX_STREAMS = 16;

/** The app's end: offers, receives RTP, asks for what is missing. Used once. */
export class ViewerSession {
  /** Packets as they come: late, twice and out of order as the network has it; never before the camera has proven itself. */
  readonly packets = new Emitter<InboundPacket>();
  readonly control: Emitter<CameraControl>;
  readonly closed: Emitter<CodedError>;
  readonly #options: ViewerSessionOptions;
  readonly #transport: Transport;
  readonly #core: SessionCore<CameraControl, ViewerControl>;
  /** The path is in doubt, dead, or fresh again. */
  readonly consentChanged: Emitter<ConsentState>;
  /** The path is dead, and no other could be had yet: why. */
  readonly troubled: Emitter<CodedError>;
  /** Another path carries the session. */
  readonly pathChanged = new Emitter<void>();
  readonly #inquiry: PathInquiry;
  readonly #keeper: PathKeeper;
  #theirKind: PathKind = 'host';
  #theirNat: NatSummary | null = null;
  #spool: SpoolState | null = null;
  #bulk: BulkClient | null = null;
  #wasLost = false;
  readonly #trackers = new Map<number, NackTracker>();
  readonly #arrivals: TwccRecorder;

  private constructor(options: ViewerSessionOptions, transport: Transport) {
    const { link, clock, log } = options;
    this.#options = options;
    this.#transport = transport;
    this.#core = new SessionCore<CameraControl, ViewerControl>(transport, 'viewer', cameraControl, {
      ...options,
      remotePublicKey: link.remotePublicKey,
      // Over texts that people carry it is known when the camera has answered.
      get handshakeHash() {
        return link.handshakeHash;
      },
    });
    this.control = this.#core.messages;
    this.consentChanged = transport.paths.consentChanged;
    this.#inquiry = new PathInquiry(clock, (offer) => this.#core.send({ type: 'path-offer', offer }));
    this.#keeper = new PathKeeper({
      paths: transport.paths,
      ice: options.ice,
      inBand: async (offer) => this.#inquiry.ask(await offer),
      outOfBand: options.askAgain ? this.#outOfBand(options.askAgain) : null,
      isRelayed: () => this.path?.kind === 'relay',
      nat: () => ({ mine: options.nat?.() ?? null, theirs: this.#theirNat }),
      punchBudget: () => options.punchBudget?.() ?? null,
      clock,
      log,
    });
    this.troubled = this.#keeper.troubled;
    this.control.on((message) => this.#onControl(message));
    this.closed = this.#core.closed;
    this.closed.on((error) => {
      this.#bulk?.close(error);
      this.#stop();
    });
    transport.bulkMessages.on((bytes) => this.#bulk?.take(bytes));
    this.#arrivals = new TwccRecorder({ clock, send: (rtcp) => transport.sendArrivals(rtcp) });
    transport.packets.on((packet) => this.#onPacket(packet));
    this.consentChanged.on((state) => {
      if (state === 'lost') {
        this.#wasLost = true;
        for (const tracker of this.#trackers.values()) tracker.outage();
      } else if (state === 'fresh') this.#resume();
    });
    transport.paths.changed.on((path) => {
      this.#theirKind = 'host';
      if (this.#core.isBound && path.pair) this.#core.send({ type: 'path-kind', path: path.pair.kind });
      this.#resume();
      this.pathChanged.emit();
    });
  }

  static async create(options: ViewerSessionOptions): Promise<ViewerSession> {
    return new ViewerSession(options, await Transport.create('viewer', options.ice(), options.clock, options.log));
  }

  /**
   * Resolves when the camera is proven and media may flow.
   * @throws CodedError what the camera refused with, `peer-absent`, `ice-failed`, `dtls-failed`, `identity-mismatch`
   */
  async connect(): Promise<void> {
    await this.agree();
    this.begin();
  }

  /** The first half: the camera is proven, and waits for `begin`. @throws CodedError as `connect` does */
  async agree(): Promise<void> {
    try {
      const sdp = await this.#transport.createOffer();
      const { link, answerMs = 8_000, ice, nat } = this.#options;
      const relay = ice().policy !== 'direct';
      const mine = nat?.() ?? null;
      const reply = await link.ask({ type: 'offer', sdp, relay, reliableHandshake: true, ...(mine ? { nat: mine } : {}) }, answerMs);
      if (reply.type === 'refused') throw new CodedError(reply.code, reply.text);
      if (reply.type !== 'answer')
        throw new CodedError('protocol-error', 'The camera answered something else than was asked: update both programs.');
      this.#theirNat = reply.nat ?? null;
      await this.#transport.acceptAnswer(reply.sdp, reply.reliableHandshake);
      this.#core.begin();
      // ICE finds no way between these NATs, and there may be no relay.
      void this.#keeper.punchAtOnce(() => this.#core.begin());
    } catch (error) {
      await this.close();
      throw error instanceof CodedError
        ? error
        : new CodedError('protocol-error', 'The camera’s answer makes no sense: update both programs.', { cause: error });
    }
    await this.#core.bound();
    // The first frame's time is to be right already.
    await this.#core.synced(1_500);
    if (this.#core.over) throw this.#core.over;
  }

  /** The second half: from here on there is media, for which somebody should listen. */
  begin(): void {
    this.#core.send({ type: 'ready', version: 1, path: this.#transport.paths.pair?.kind ?? 'host', bulk: true });
    this.tellNat();
    this.#keeper.start();
  }

  /** Why the session is over; null while it is not. */
  get over(): CodedError | null {
    return this.#core.over;
  }

  /** ms that the camera's wall clock is ahead of ours. */
  get clockOffsetMs(): number {
    return this.#core.offset.offsetMs;
  }

  get clockOffsetKnown(): boolean {
    return this.#core.offset.known;
  }

  /** Null before there is one. */
  get path(): SessionPath | null {
    const { pair } = this.#transport.paths;
    if (!pair) return null;
    let expected = 0;
    let lost = 0;
    for (const tracker of this.#trackers.values()) {
      expected += tracker.loss.expected;
      lost += tracker.loss.lost;
    }
    return {
      kind: farther(pair.kind, this.#theirKind),
      local: pair.local,
      remote: pair.remote,
      rttMs: this.#core.offset.known ? this.#core.offset.rttMs : pair.rttMs,
      lossPct: expected > 0 ? (100 * lost) / expected : null,
    };
  }

  /** Candidate pairs of the current path, and what became of them. */
  get pairs(): readonly PairReport[] {
    return this.#transport.paths.current?.pairs ?? [];
  }

  /** Further paths that were looked for, newest first. */
  get attempts(): readonly PathAttempt[] {
    return this.#keeper.attempts;
  }

  /** What the camera found out about its network; null before it has said. */
  get theirNat(): NatSummary | null {
    return this.#theirNat;
  }

  /** What the camera says of its spool; null: it has none, or has not said yet. */
  get spool(): SpoolState | null {
    return this.#spool;
  }

  /** Reads the camera's spool, until the session is over. Null where there is none. */
  readSpool(): SpoolReader | null {
    const ciphers = this.#core.bulkCiphers;
    if (!this.#spool || !ciphers) return null;
    this.#transport.openBulk();
    this.#bulk ??= new BulkClient(new BulkChannel(ciphers), (sealed) => this.#transport.sendBulk(sealed), this.#options.clock);
    return this.#bulk;
  }

  get consent(): ConsentState {
    return this.#transport.paths.consent;
  }

  /** Bytes of this session that went over a relay, both ways. */
  get relayedBytes(): number {
    return this.#transport.paths.relayedBytes;
  }

  /** The computer woke, or its network changed: the path is asked, and another looked for where it does not answer. */
  networkChanged(): void {
    if (this.#core.isBound) this.#keeper.networkChanged();
  }

  /** More is known of our own NAT, or the settings have changed. */
  tellNat(): void {
    const nat = this.#options.nat?.() ?? null;
    if (nat && this.#core.isBound) this.#core.send({ type: 'nat', nat });
    this.#keeper.reconsider();
  }

  /** Asks for a keyframe (PLI). */
  requestKeyframe(ssrc: number): void {
    this.#transport.sendPli(ssrc);
  }

  /** How long it pays to wait for a packet of this stream that is missing, ms: it is asked for as long. */
  repairMs(ssrc: number): number {
    return this.#trackers.get(ssrc)?.patienceMs ?? REPAIR_MS;
  }

  /** The stream has ended: its missing packets are of no interest any more. */
  forget(ssrc: number): void {
    this.#trackers.get(ssrc)?.close();
    this.#trackers.delete(ssrc);
  }

  async close(code: ErrorCode = 'closed', text = 'The app ended the session.'): Promise<void> {
    await this.#core.close(code, text);
    this.#stop();
  }

  #resume(): void {
    if (!this.#wasLost || this.consent !== 'fresh') return;
    this.#wasLost = false;
    this.#core.send({ type: 'resume' });
  }

  #onControl(message: CameraControl): void {
    switch (message.type) {
      case 'streams':
        for (const { ssrc, first, last } of message.streams) {
          if (first !== undefined && last === undefined) this.#trackerOf(ssrc)?.begin(first);
        }
        break;
      case 'spool':
        this.#spool = message.spool;
        break;
      case 'hello':
      case 'path-kind':
        if (message.type === 'hello') this.#spool = message.spool ?? null;
        this.#theirKind = message.path;
        this.#transport.paths.theirKind = message.path;
        this.#keeper.reconsider();
        break;
      case 'nat':
        this.#theirNat = message.nat;
        this.#keeper.reconsider();
        break;
      case 'path-wanted':
        this.#keeper.networkChanged();
        break;
      case 'path-answer':
        this.#inquiry.answered(message.answer);
        break;
      case 'path-refused':
        this.#inquiry.refused(message.id, new CodedError(message.code, message.text));
        break;
    }
  }

  #outOfBand(askAgain: (message: Promise<AppMessage>) => Promise<CameraMessage>): AskCamera {
    const session = sessionIdOf(this.#options.link.handshakeHash);
    return async (offer) => {
      const reply = await askAgain(offer.then((made) => ({ type: 'path', session, offer: made })));
      if (reply.type === 'path') return reply.answer;
      if (reply.type !== 'refused')
        throw new CodedError('protocol-error', 'The camera answered something else than was asked: update both programs.');
      // The camera was started anew: there is nothing to restore.
      if (reply.code === 'not-found') void this.close('session-lost', 'The camera has begun anew, and knows nothing of this session.');
      throw new CodedError(reply.code, reply.text);
    };
  }

  #onPacket(packet: InboundPacket): void {
    const { ssrc, sequenceNumber, transportSequence, payloadType } = packet;
    const isProbe = payloadType === PROBE_PAYLOAD_TYPE;
    const arrival = isProbe ? 'new' : (this.#trackerOf(ssrc)?.push(sequenceNumber) ?? 'new');
    if (transportSequence !== undefined && (arrival === 'new' || arrival === 'late')) this.#arrivals.push(transportSequence, ssrc);
    if (!isProbe) this.packets.emit(packet);
  }

  /** Null for more streams than any camera has. */
  #trackerOf(ssrc: number): NackTracker | null {
    const known = this.#trackers.get(ssrc);
    if (known) return known;
    if (this.#trackers.size >= MAX_STREAMS) return null;
    const tracker = new NackTracker({
      clock: this.#options.clock,
      rttMs: () => this.#core.offset.rttMs,
      request: (sequenceNumbers) => this.#transport.sendNack(ssrc, sequenceNumbers),
    });
    this.#trackers.set(ssrc, tracker);
    return tracker;
  }

  #stop(): void {
    for (const tracker of this.#trackers.values()) tracker.close();
    this.#trackers.clear();
    this.#arrivals.close();
    this.#keeper.close();
    this.#inquiry.close();
    this.packets.clear();
    this.pathChanged.clear();
    void this.#transport.close();
  }
}
