import type { ClockMapping, StreamInfo } from '../../../peer/session/control-messages.ts';
import type { InboundPacket } from '../../../peer/session/transport.ts';
import type { Clock } from '../../base/clock.ts';
import type { AudioConfig, TrackConfig } from '../../media/access-unit.ts';
import { H264Depacketizer } from '../../media/rtp/h264-depacketizer.ts';
import { ReorderBuffer } from '../../media/rtp/reorder-buffer.ts';

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

/** Turns the packets of one stream into frames. */
export interface TrackReceiver {
  push(packet: InboundPacket): TrackFrame[];
  /** What waiting has set free. */
  poll(): TrackFrame[];
}

export interface Track {
  readonly info: StreamInfo;
  readonly receiver: TrackReceiver;
  /** How its RTP times belong to media time and UTC; null before the camera has said so. */
  mapping: ClockMapping | null;
}

/** Null for a codec that Keyhole does not take from RTP. */
export function createReceiver(info: StreamInfo, clock: Clock, onDamaged: () => void): TrackReceiver | null {
  if (info.kind === 'video') return info.codec === 'h264' ? new H264Receiver(clock, onDamaged) : null;
  if (info.codec === 'opus' || info.codec === 'pcm_mulaw' || info.codec === 'pcm_alaw') return new AudioReceiver(info, info.codec, clock);
  return null;
}

class H264Receiver implements TrackReceiver {
  readonly #depacketizer: H264Depacketizer;
  readonly #compositions = new Map<number, number>();

  constructor(clock: Clock, onDamaged: () => void) {
    this.#depacketizer = new H264Depacketizer({ clock, onDamaged });
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

  constructor(info: StreamInfo, codec: AudioConfig['codec'], clock: Clock) {
    const { codecString, sampleRate, channels } = info;
    this.#reorder = new ReorderBuffer({ clock });
    this.#config = {
      kind: 'audio',
      codec,
      codecString,
      description: new Uint8Array(Buffer.from(info.description, 'base64')),
      sampleRate,
      channels,
    };
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
