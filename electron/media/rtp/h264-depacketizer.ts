import type { Pts90k } from '../../base/units.ts';
import type { VideoConfig } from '../access-unit.ts';
import { hasIdr, isVcl, joinAvcc, NAL, nalType } from '../h264/nal.ts';
import { ParameterSets } from '../h264/parameter-sets.ts';
import { beginsPicture, NalAssembler } from './h264-payload.ts';
import { ReorderBuffer, type OrderedPacket, type ReorderOptions, type RtpPacket } from './reorder-buffer.ts';
import { TimestampUnwrapper } from './timestamp.ts';

export type { RtpPacket } from './reorder-buffer.ts';

export interface H264Frame {
  readonly pts: Pts90k;
  readonly key: boolean;
  /** AVCC, lengths of 4 bytes, without parameter sets, delimiters and filler. */
  readonly data: Uint8Array;
  /** The same object until the parameter sets change. */
  readonly config: VideoConfig;
  /** Frames before this one are missing: what it shows may be wrong up to the next keyframe. */
  readonly damagedBefore: boolean;
}

export interface H264DepacketizerOptions extends ReorderOptions {
  /** Called for each loss that a decoder will see: time to ask for a keyframe (PLI, RFC 4585 §6.3.1). */
  readonly onDamaged?: () => void;
}

export interface H264DepacketizerCounters {
  readonly packets: number;
  readonly frames: number;
  readonly keyframes: number;
  /** Times that one or more frames were given up. */
  readonly damaged: number;
  /** Payloads that make no sense. */
  readonly malformed: number;
  /** Whole frames dropped because no keyframe with its parameter sets had come yet. */
  readonly unconfigured: number;
  /** Packets. */
  readonly lost: number;
  readonly late: number;
  readonly duplicate: number;
  /** Jumps of the sequence numbers: the sender began anew. */
  readonly restarts: number;
}

interface OpenFrame {
  readonly timestamp: number;
  readonly nals: Uint8Array[];
  bytes: number;
  broken: boolean;
}

const MAX_FRAME_BYTES = 8 * 1024 * 1024;
const MAX_FRAME_NALS = 1024;
const LEFT_OUT: ReadonlySet<number> = new Set([NAL.aud, NAL.endOfSequence, NAL.endOfStream, NAL.filler, NAL.spsExtension]);

/**
 * RTP packets of H.264 (RFC 6184, packetization-mode 0 and 1) to frames. Packets may come late, twice and out of order.
 * A frame that lost a part is dropped, the ones after it are not. Nothing comes out before the first keyframe.
 */
export class H264Depacketizer {
  readonly #reorder: ReorderBuffer;
  readonly #onDamaged: () => void;
  readonly #times = new TimestampUnwrapper();
  readonly #sets = new ParameterSets();
  readonly #units = new NalAssembler();
  readonly #counters = { packets: 0, frames: 0, keyframes: 0, damaged: 0, malformed: 0, unconfigured: 0 };
  #started = false;
  #damagedBefore = false;
  /** Packets were lost since the last one looked at. */
  #hole = false;
  #frame: OpenFrame | null = null;

  constructor(options: H264DepacketizerOptions) {
    this.#reorder = new ReorderBuffer(options);
    this.#onDamaged = options.onDamaged ?? (() => {});
  }

  get counters(): H264DepacketizerCounters {
    return { ...this.#counters, ...this.#reorder.counters };
  }

  /** How long packets were held back of late, at most, ms; 0 while all come in order. */
  get delayMs(): number {
    return this.#reorder.delayMs;
  }

  /** Whether all up to this sequence number has come out or was given up. */
  isThrough(sequenceNumber: number): boolean {
    return this.#reorder.isThrough(sequenceNumber);
  }

  /** The frames completed by this packet, oldest first. Keeps views of the payload until its frame is complete. */
  push(packet: RtpPacket): H264Frame[] {
    this.#counters.packets += 1;
    return this.#take(this.#reorder.push(packet));
  }

  /** Frames set free by the time that has passed; to be called now and then while no packets come. */
  poll(): H264Frame[] {
    return this.#take(this.#reorder.poll());
  }

  /** The time of an RTP timestamp near to the current ones, as frames carry it: for sender reports. */
  ptsOf(timestamp: number): Pts90k {
    return this.#times.peek(timestamp);
  }

  #take(packets: readonly OrderedPacket[]): H264Frame[] {
    const frames: H264Frame[] = [];
    for (const { packet, lostBefore } of packets) {
      this.#hole ||= lostBefore > 0;
      if (packet.payload.length === 0) continue; // padding: a probe of the bandwidth
      const broken = this.#hole && !this.#survivesHole(packet);
      this.#hole = false;
      if (this.#frame && this.#frame.timestamp !== packet.timestamp) this.#finish(frames);
      this.#frame ??= { timestamp: packet.timestamp, nals: [], bytes: 0, broken };
      this.#unpack(packet.payload, this.#frame);
      if (packet.marker) this.#finish(frames);
    }
    return frames;
  }

  /** Marks what a hole before `packet` broke; true when the frame of this packet is none of it. */
  #survivesHole(packet: RtpPacket): boolean {
    this.#units.reset();
    const begins = beginsPicture(packet.payload);
    if (this.#frame) this.#frame.broken = true;
    else if (begins) this.#giveUp(); // whole frames are missing; a broken one is counted when it ends
    return begins;
  }

  #unpack(payload: Uint8Array, frame: OpenFrame): void {
    const units = this.#units.push(payload);
    if (!units) {
      this.#counters.malformed += 1;
      frame.broken = true;
    }
    for (const nal of units ?? []) {
      const type = nalType(nal);
      if (type === NAL.sps || type === NAL.pps) {
        if (!this.#sets.add(nal)) this.#counters.malformed += 1;
      } else if (!LEFT_OUT.has(type)) {
        frame.nals.push(nal);
        frame.bytes += nal.length;
      }
    }
    if (frame.bytes > MAX_FRAME_BYTES || frame.nals.length > MAX_FRAME_NALS) {
      frame.broken = true;
      frame.nals.length = 0;
      frame.bytes = 0;
    }
  }

  #finish(frames: H264Frame[]): void {
    const frame = this.#frame;
    this.#frame = null;
    if (!frame) return;
    const pts = this.#times.unwrap(frame.timestamp);
    if (this.#units.open) frame.broken = true;
    this.#units.reset();
    if (frame.broken) return this.#giveUp();
    if (!frame.nals.some((nal) => isVcl(nalType(nal)))) return;
    const key = hasIdr(frame.nals);
    const config = this.#sets.config;
    if (!config || (!key && !this.#started)) {
      this.#counters.unconfigured += 1;
      return;
    }
    this.#started = true;
    this.#counters.frames += 1;
    if (key) this.#counters.keyframes += 1;
    frames.push({ pts, key, data: joinAvcc(frame.nals), config, damagedBefore: this.#damagedBefore });
    this.#damagedBefore = false;
  }

  #giveUp(): void {
    this.#counters.damaged += 1;
    this.#damagedBefore = true;
    this.#onDamaged();
  }
}
