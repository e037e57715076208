import type { Pts90k, UtcMs } from '../base/units.ts';

/** What a decoder must know before the first frame. A change of it is a new object. */
export interface VideoConfig {
  readonly kind: 'video';
  readonly codec: 'h264' | 'h265';
  /** RFC 6381, `avc1.640028`. */
  readonly codecString: string;
  /** AVCDecoderConfigurationRecord or HEVCDecoderConfigurationRecord (ISO 14496-15). */
  readonly description: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface AudioConfig {
  readonly kind: 'audio';
  readonly codec: 'opus' | 'aac' | 'pcm_mulaw' | 'pcm_alaw';
  /** `opus`, `mp4a.40.2`, `ulaw`, `alaw`: as WebCodecs names them. */
  readonly codecString: string;
  /** AudioSpecificConfig for AAC, dOps payload for Opus; empty for PCM. */
  readonly description: Uint8Array;
  readonly sampleRate: number;
  readonly channels: number;
}

export type TrackConfig = VideoConfig | AudioConfig;

/**
 * One encoded frame of one track, the unit everything inside speaks of.
 * Within one `timeline` times are comparable and do not go back (dts); a source that starts anew begins a new timeline.
 */
export interface AccessUnit {
  readonly config: TrackConfig;
  readonly timeline: number;
  readonly pts: Pts90k;
  readonly dts: Pts90k;
  /** When it was captured, by this machine's clock; as good as the source's reports are. */
  readonly utc: UtcMs;
  readonly receivedAt: UtcMs;
  /** Decoding can begin here. Always true for audio. */
  readonly key: boolean;
  /** Video: NAL units, each behind its length in 4 bytes (ISO 14496-15). Audio: one raw frame. */
  readonly data: Uint8Array;
  /** The unit as ffmpeg muxed it, where it came through ffmpeg: one moof and its mdat, and the init segment it belongs to. */
  readonly fragment?: Fragment;
}

/** A fragment of one frame of one track (ISO 14496-12 moof + mdat). `init` is the ftyp + moov; the same object until it changes. */
export interface Fragment {
  readonly init: Uint8Array;
  readonly bytes: Uint8Array;
}
