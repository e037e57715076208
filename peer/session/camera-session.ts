import { randomBytes } from 'node:crypto';
import { Emitter } from '../../electron/base/emitter.ts';
import type { CodedError, ErrorCode } from '../../electron/base/errors.ts';
import { viewerControl, type CameraControl, type ViewerControl } from './control-messages.ts';
import { RtpStream } from './rtp-stream.ts';
import { SessionCore, type SessionOptions } from './session-core.ts';
import type { IceOptions } from './connection.ts';
import { farther, type PathKind, type SelectedPair } from './path.ts';
import { Transport } from './transport.ts';

export interface CameraSessionOptions extends SessionOptions {
  readonly ice: IceOptions;
}

/** The longest that gathering candidates may take, ms. */
const ACCEPT_MS = 15_000;

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
  readonly #streams = new Map<number, RtpStream>();
  #isReady = false;
  #theirKind: PathKind = 'host';

  private constructor(options: CameraSessionOptions, transport: Transport) {
    this.#options = options;
    this.#transport = transport;
    this.#core = new SessionCore<ViewerControl, CameraControl>(transport, 'camera', viewerControl, options);
    this.closed = this.#core.closed;
    this.#core.messages.on((message) => {
      if (message.type !== 'ready' || this.#isReady) return;
      this.#isReady = true;
      this.#theirKind = message.path;
      this.ready.emit();
    });
    transport.lost.on(({ ssrc, sequenceNumbers }) => this.#streams.get(ssrc)?.repeat(sequenceNumbers));
    transport.keyframeWanted.on((ssrc) => this.#streams.has(ssrc) && this.keyframeWanted.emit(ssrc));
  }

  static async create(options: CameraSessionOptions): Promise<CameraSession> {
    return new CameraSession(options, await Transport.create('camera', options.ice, options.log));
  }

  /** The answer to an offer. @throws whatever is wrong with the offer */
  async accept(offer: string): Promise<string> {
    // Whatever an offer makes the library wait for, it does not keep the session's place for ever.
    const limit = this.#options.clock.setTimeout(
      () => void this.close('ice-failed', 'The offer could not be answered in time.'),
      ACCEPT_MS,
    );
    try {
      const answer = await this.#transport.acceptOffer(offer, this.#options.ice.stun.length > 0);
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
      wire: this.#transport,
      clock: this.#options.clock,
    });
    this.#streams.set(stream.ssrc, stream);
    return stream;
  }

  endStream(stream: RtpStream): void {
    this.#streams.delete(stream.ssrc);
  }

  send(message: CameraControl): void {
    this.#core.send(message);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get pair(): SelectedPair | null {
    const pair = this.#transport.selectedPair;
    return pair && { ...pair, kind: farther(pair.kind, this.#theirKind) };
  }

  /** Says hello: the first message after the viewer is ready. */
  hello(name: string): void {
    this.send({ type: 'hello', version: 1, name, path: this.#transport.selectedPair?.kind ?? 'host' });
  }

  /** The shortest round trip of the last minute, ms; null before there is one. */
  get rttMs(): number | null {
    return this.#core.offset.known ? this.#core.offset.rttMs : (this.#transport.selectedPair?.rttMs ?? null);
  }

  async close(code: ErrorCode = 'closed', text = 'The camera ended the session.'): Promise<void> {
    await this.#core.close(code, text);
    this.ready.clear();
    this.keyframeWanted.clear();
    await this.#transport.close();
  }
}
