import type { ClockMapping, StreamInfo } from '../../../peer/session/control-messages.ts';
import type { InboundPacket } from '../../../peer/session/transport.ts';
import type { Clock } from '../../base/clock.ts';
import type { AudioConfig, TrackConfig } from '../../media/access-unit.ts';
import { H264Depacketizer } from '../../media/rtp/h264-depacketizer.ts';
import type { Reception } from '../source.ts';
import { ReorderBuffer, type ReorderOptions } from '../../media/rtp/reorder-buffer.ts';

/** A frame out of RTP packets, its time still the RTP timestamp. */
export interface TrackFrame {
  readonly config: TrackConfig;
  /** 32 bits. */
  readonly timestamp: number;
  /** pts - dts, 1/90000 s. */
  readonly composition: number;
  readonly key: boolean;
  readonly data: Uint8Array;
}

/** Frames of which the composition is remembered until they are complete. */
const MAX_COMPOSITIONS = 512;

/** Packets and frames that did not make it. */
export type TrackLosses = Omit<Reception, 'delayMs'>;

/** Turns the packets of one stream into frames. */
export interface TrackReceiver {
  push(packet: InboundPacket): TrackFrame[];
  /** What waiting has set free. */
  poll(): TrackFrame[];
  /** Whether all up to this sequence number has come out or was given up. */
  isThrough(sequenceNumber: number): boolean;
  /** How long packets were held back of late, at most, ms. */
  readonly delayMs: number;
  readonly losses: TrackLosses;
}

export interface TrackOptions {
  readonly clock: Clock;
  /** How long it pays to wait for a missing packet, ms. */
  readonly repairMs: () => number;
  readonly onDamaged: () => void;
}

export interface Track {
  readonly info: StreamInfo;
  readonly receiver: TrackReceiver;
  /** How its RTP times belong to media time and UTC; null before the camera has said so. */
  mapping: ClockMapping | null;
  /** Set when the camera has said that it ends: with this sequence number; nobody waits longer for it, monotonic ms. */
  ending: { readonly last: number; readonly until: number } | null;
  /** Nothing came through for a while: until when its packets are of no use, monotonic ms; Infinity before any came again. */
  brokenUntil: number | null;
  /** What comes next can only be shown from a keyframe on. */
  needsKey: boolean;
}

/** The buffer waits a little longer than the packets are asked for: the last answer is on its way. */
const MARGIN_MS = 20;

/** Null for a codec that Keyhole does not take from RTP. */
export function createReceiver(info: StreamInfo, options: TrackOptions): TrackReceiver | null {
  if (info.kind === 'video') return info.codec === 'h264' ? new H264Receiver(info, options) : null;
  if (info.codec === 'opus' || info.codec === 'pcm_mulaw' || info.codec === 'pcm_alaw') return new AudioReceiver(info, info.codec, options);
  return null;
}

const ordering = ({ first }: StreamInfo, { clock, repairMs }: TrackOptions): ReorderOptions => ({
  clock,
  waitMs: () => repairMs() + MARGIN_MS,
  first,
});

class H264Receiver implements TrackReceiver {
  readonly #depacketizer: H264Depacketizer;
  readonly #compositions = new Map<number, number>();

  constructor(info: StreamInfo, options: TrackOptions) {
    this.#depacketizer = new H264Depacketizer({ ...ordering(info, options), onDamaged: options.onDamaged });
  }

  get delayMs(): number {
    return this.#depacketizer.delayMs;
  }

  get losses(): TrackLosses {
    const { lost, late, damaged } = this.#depacketizer.counters;
    return { lostPackets: lost, latePackets: late, damagedFrames: damaged };
  }

  isThrough(sequenceNumber: number): boolean {
    return this.#depacketizer.isThrough(sequenceNumber);
  }

  push(packet: InboundPacket): TrackFrame[] {
    if (packet.composition !== 0) {
      this.#compositions.set(packet.timestamp, packet.composition);
      for (const oldest of this.#compositions.keys()) {
        if (this.#compositions.size <= MAX_COMPOSITIONS) break;
        this.#compositions.delete(oldest);
      }
    }
    return this.#frames(this.#depacketizer.push(packet));
  }

  poll(): TrackFrame[] {
    return this.#frames(this.#depacketizer.poll());
  }

  #frames(frames: ReturnType<H264Depacketizer['poll']>): TrackFrame[] {
    return frames.map(({ pts, key, data, config }) => {
      const timestamp = pts % 2 ** 32;
      return { config, timestamp, composition: this.#compositions.get(timestamp) ?? 0, key, data };
    });
  }
}

/** One packet is one frame (RFC 7587 §4.2, RFC 3551 §4.5.14). A lost one is a hole in the times, never a shift. */
class AudioReceiver implements TrackReceiver {
  readonly #reorder: ReorderBuffer;
  readonly #config: AudioConfig;

  constructor(info: StreamInfo, codec: AudioConfig['codec'], options: TrackOptions) {
    const { codecString, sampleRate, channels } = info;
    this.#reorder = new ReorderBuffer(ordering(info, options));
    this.#config = {
      kind: 'audio',
      codec,
      codecString,
      description: new Uint8Array(Buffer.from(info.description, 'base64')),
      sampleRate,
      channels,
    };
  }

  get delayMs(): number {
    return this.#reorder.delayMs;
  }

  get losses(): TrackLosses {
    const { lost, late } = this.#reorder.counters;
    return { lostPackets: lost, latePackets: late, damagedFrames: lost };
  }

  isThrough(sequenceNumber: number): boolean {
    return this.#reorder.isThrough(sequenceNumber);
  }

  push(packet: InboundPacket): TrackFrame[] {
    return this.#frames(this.#reorder.push(packet));
  }

  poll(): TrackFrame[] {
    return this.#frames(this.#reorder.poll());
  }

  #frames(packets: ReturnType<ReorderBuffer['poll']>): TrackFrame[] {
    return packets
      .filter(({ packet }) => packet.payload.length > 0)
      .map(({ packet }) => ({ config: this.#config, timestamp: packet.timestamp, composition: 0, key: true, data: packet.payload }));
  }
}
