import { Emitter } from '../../electron/base/emitter.ts';
import { CodedError, type ErrorCode } from '../../electron/base/errors.ts';
import { ask } from '../signaling/link.ts';
import type { SecureChannel } from '../signaling/secure-channel.ts';
import { cameraControl, type CameraControl, type ViewerControl } from './control-messages.ts';
import { NackTracker } from './nack-tracker.ts';
import { SessionCore, type SessionOptions } from './session-core.ts';
import type { IceOptions } from './connection.ts';
import { farther, type PathKind } from './path.ts';
import { Transport, type InboundPacket } from './transport.ts';

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
  readonly channel: SecureChannel;
  readonly ice: IceOptions;
  readonly answerMs?: number;
}

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
  #theirKind: PathKind = 'host';
  readonly #trackers = new Map<number, NackTracker>();

  private constructor(options: ViewerSessionOptions, transport: Transport) {
    const { channel } = options;
    this.#options = options;
    this.#transport = transport;
    this.#core = new SessionCore<CameraControl, ViewerControl>(transport, 'viewer', cameraControl, {
      ...options,
      remotePublicKey: channel.remotePublicKey,
      handshakeHash: channel.handshakeHash,
    });
    this.control = this.#core.messages;
    this.control.on((message) => {
      if (message.type === 'hello') this.#theirKind = message.path;
    });
    this.closed = this.#core.closed;
    this.closed.on(() => this.#stop());
    transport.packets.on((packet) => this.#onPacket(packet));
  }

  static async create(options: ViewerSessionOptions): Promise<ViewerSession> {
    return new ViewerSession(options, await Transport.create('viewer', options.ice, options.log));
  }

  /**
   * Resolves when the camera is proven and media may flow.
   * @throws CodedError what the camera refused with, `peer-absent`, `ice-failed`, `dtls-failed`, `identity-mismatch`
   */
  async connect(): Promise<void> {
    try {
      const sdp = await this.#transport.createOffer();
      const reply = await ask(this.#options.channel, this.#options.clock, this.#options.answerMs ?? 8_000, { type: 'offer', sdp });
      if (reply.type === 'refused') throw new CodedError(reply.code, reply.text);
      if (reply.type !== 'answer')
        throw new CodedError('protocol-error', 'The camera answered something else than was asked: update both programs.');
      await this.#transport.acceptAnswer(reply.sdp);
      this.#core.begin();
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
    this.#core.send({ type: 'ready', version: 1, path: this.#transport.selectedPair?.kind ?? 'host' });
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
    const pair = this.#transport.selectedPair;
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

  /** Looks whether the camera is still there: the session is over within two seconds if not. */
  check(): void {
    this.#core.check();
  }

  /** Asks for a keyframe (PLI). */
  requestKeyframe(ssrc: number): void {
    this.#transport.sendPli(ssrc);
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

  #onPacket(packet: InboundPacket): void {
    let tracker = this.#trackers.get(packet.ssrc);
    if (!tracker && this.#trackers.size < MAX_STREAMS) {
      tracker = new NackTracker({
        clock: this.#options.clock,
        rttMs: () => this.#core.offset.rttMs,
        request: (sequenceNumbers) => this.#transport.sendNack(packet.ssrc, sequenceNumbers),
      });
      this.#trackers.set(packet.ssrc, tracker);
    }
    tracker?.push(packet.sequenceNumber);
    this.packets.emit(packet);
  }

  #stop(): void {
    for (const tracker of this.#trackers.values()) tracker.close();
    this.#trackers.clear();
    this.packets.clear();
    void this.#transport.close();
  }
}
