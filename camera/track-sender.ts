import { randomBytes } from 'node:crypto';
import type { AccessUnit, TrackConfig } from '../electron/media/access-unit.ts';
import { packetizeH264 } from '../electron/media/rtp/h264-packetizer.ts';
import type { StreamInfo } from '../peer/session/control-messages.ts';
import type { RtpFrame, RtpStream } from '../peer/session/rtp-stream.ts';
import { PAYLOAD_TYPE } from '../peer/session/connection.ts';

/** How a codec goes over RTP: its payload type, its clock, and how a unit is cut. */
interface RtpFormat {
  readonly payloadType: number;
  readonly clockRate: number;
  cut(unit: AccessUnit): readonly Uint8Array[];
}

/** Largest payload of an RTP packet: fits the smallest path that IPv6 allows, with all headers (RFC 8200 §5). */
const MTU = 1150;
/** Beginnings of a feed that are told apart within a timeline of the source. */
const EPOCHS = 1024;
const whole = (unit: AccessUnit): readonly Uint8Array[] => [unit.data];

/** Cuts a unit once for all viewers. */
const cutUnits = new WeakMap<AccessUnit, readonly Uint8Array[]>();

/** Null when Keyhole has no RTP format for the track (yet). */
export function rtpFormat(config: TrackConfig): RtpFormat | null {
  switch (config.codec) {
    case 'h264':
      return {
        payloadType: PAYLOAD_TYPE.h264,
        clockRate: 90_000,
        cut: (unit) => {
          const known = cutUnits.get(unit) ?? (unit.config.kind === 'video' ? packetizeH264(unit.data, unit.config, MTU) : []);
          cutUnits.set(unit, known);
          return known;
        },
      };
    // RFC 7587: one packet is one frame, the clock is always 48 kHz.
    case 'opus':
      return { payloadType: PAYLOAD_TYPE.opus, clockRate: 48_000, cut: whole };
    case 'pcm_mulaw':
    case 'pcm_alaw':
      return { payloadType: PAYLOAD_TYPE[config.codec], clockRate: config.sampleRate, cut: whole };
    default:
      return null;
  }
}

/** One track of one viewer, for as long as its configuration and timeline stay the same: they belong to one SSRC. */
export class TrackSender {
  readonly stream: RtpStream;
  readonly config: TrackConfig;
  readonly timeline: number;
  readonly #format: RtpFormat;
  readonly #epoch: number;
  readonly #base = randomBytes(4).readUInt32BE();

  /** @param epoch which beginning of the viewer's feed it belongs to: below 1024, and round again */
  constructor(first: AccessUnit, format: RtpFormat, stream: RtpStream, epoch = 0) {
    this.#epoch = epoch % EPOCHS;
    this.stream = stream;
    this.config = first.config;
    this.timeline = first.timeline;
    this.#format = format;
  }

  /** Whether `unit` continues this track. */
  fits(unit: AccessUnit): boolean {
    return unit.config === this.config && unit.timeline === this.timeline;
  }

  timestampOf(unit: AccessUnit): number {
    return (this.#base + Math.round((unit.pts * this.#format.clockRate) / 90_000)) % 2 ** 32;
  }

  frame(unit: AccessUnit): RtpFrame {
    // 24 bits signed of 1/90000 s; a unit further apart says nothing rather than something wrong.
    const composition = Math.round(unit.pts - unit.dts);
    return {
      payloads: this.#format.cut(unit),
      timestamp: this.timestampOf(unit),
      composition: Math.abs(composition) < 2 ** 23 ? composition : 0,
      utc: unit.utc,
    };
  }

  get info(): StreamInfo {
    const { config } = this;
    return {
      ssrc: this.stream.ssrc,
      kind: config.kind,
      codec: config.codec,
      codecString: config.codecString,
      description: Buffer.from(config.description).toString('base64'),
      width: config.kind === 'video' ? config.width : 0,
      height: config.kind === 'video' ? config.height : 0,
      sampleRate: config.kind === 'audio' ? config.sampleRate : 0,
      channels: config.kind === 'audio' ? config.channels : 0,
      clockRate: this.#format.clockRate,
      payloadType: this.#format.payloadType,
      // A feed that begins anew is another timeline for its viewer.
      timeline: this.timeline * EPOCHS + this.#epoch,
      first: this.stream.first,
    };
  }
}
