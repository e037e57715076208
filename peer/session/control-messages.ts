import { z } from 'zod';
import { isErrorCode, type ErrorCode } from '../../electron/base/errors.ts';
import { natSummary, pathAnswer, pathOffer } from '../path/path-messages.ts';
import { spoolState } from './bulk-messages.ts';

/** What both ends of a session say to each other on the control channel. JSON, sealed; at most this many bytes. */
export const MAX_CONTROL_BYTES = 16 * 1024;

const uint16 = z.number().int().min(0).max(0xffff);
const uint32 = z.number().int().min(0).max(0xffffffff);
/** Milliseconds or ticks: any finite number that a clock can show. */
const time = z.number().min(-1e15).max(1e15);
const base64 = z
  .string()
  .max(8192)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/);

/** How the sender sees the path: behind a NAT one end sees an address where the other sees a translated one. */
const pathKind = z.enum(['host', 'srflx', 'prflx', 'relay']);

const common = [
  z.object({ type: z.literal('ping'), sent: time }),
  /** `sent` is the ping's; `at` is the wall clock of who answers, UTC ms. */
  z.object({ type: z.literal('pong'), sent: time, at: time }),
  z.object({ type: z.literal('bye'), code: z.string().max(40), text: z.string().max(512) }),
  /** How the sender sees the path that it goes by now. */
  z.object({ type: z.literal('path-kind'), path: pathKind }),
  z.object({ type: z.literal('nat'), nat: natSummary }),
] as const;

/**
 * One stream of RTP packets. A stream begins when a source begins anew or its configuration changes, always with a new SSRC:
 * so within one stream `config` and `timeline` are fixed.
 */
export const streamInfo = z.object({
  ssrc: uint32,
  kind: z.enum(['video', 'audio']),
  codec: z.enum(['h264', 'h265', 'opus', 'aac', 'pcm_mulaw', 'pcm_alaw']),
  codecString: z.string().max(64),
  /** avcC and its like, base64. */
  description: base64,
  width: z.number().int().min(0).max(16384),
  height: z.number().int().min(0).max(16384),
  sampleRate: z.number().int().min(0).max(384_000),
  channels: z.number().int().min(0).max(32),
  clockRate: z.number().int().min(1000).max(384_000),
  payloadType: z.number().int().min(0).max(127),
  /** The camera's number of its source's timeline: times are comparable within one. */
  timeline: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  /** Sequence number of its first packet: one that is lost is missed too. */
  first: uint16.optional(),
  /** Of its last packet: it ends with that one, and what follows on it waits until it is through. */
  last: uint16.optional(),
});
export type StreamInfo = z.infer<typeof streamInfo>;

/** In a stream the RTP timestamp `rtp` is the media time `pts` (1/90000 s) and was captured at `utc` (ms, camera's wall clock). */
const mapping = z.object({ type: z.literal('clock'), ssrc: uint32, rtp: uint32, pts: time, utc: time });
export type ClockMapping = z.infer<typeof mapping>;

const errorCode = z
  .string()
  .max(40)
  .transform((code): ErrorCode => (isErrorCode(code) ? code : 'protocol-error'));

export const cameraControl = z.discriminatedUnion('type', [
  ...common,
  /** `spool`: it has one, and serves the bulk channel. */
  z.object({
    type: z.literal('hello'),
    version: z.literal(1),
    name: z.string().max(128),
    path: pathKind,
    spool: spoolState.optional(),
  }),
  z.object({ type: z.literal('spool'), spool: spoolState }),
  z.object({ type: z.literal('streams'), streams: z.array(streamInfo).max(8) }),
  mapping,
  z.object({
    type: z.literal('status'),
    state: z.enum(['live', 'connecting', 'offline']),
    reason: z.object({ code: errorCode, text: z.string().max(512) }).nullable(),
  }),
  /**
   * Which of its two pictures the camera sends to this viewer, and why; said at each change. `uplink-thin`: the way does not carry the
   * main one. `frames-left-out`: not even this one whole. Null: it is as it should be. A reason that is not known is some reason.
   */
  z.object({
    type: z.literal('quality'),
    stream: z.enum(['main', 'sub']),
    reason: z.string().max(40).nullable(),
    /** What the camera takes the way to carry. */
    estimateKbps: z.number().int().min(0).max(10_000_000).nullable(),
  }),
  z.object({ type: z.literal('path-answer'), answer: pathAnswer }),
  z.object({ type: z.literal('path-refused'), id: uint32, code: errorCode, text: z.string().max(512) }),
  /** The camera's network has changed: the viewer may offer a path. */
  z.object({ type: z.literal('path-wanted') }),
]);
export type CameraControl = z.infer<typeof cameraControl>;

export const viewerControl = z.discriminatedUnion('type', [
  ...common,
  /** The viewer has checked the camera's proof: media may flow. */
  z.object({
    type: z.literal('ready'),
    version: z.literal(1),
    path: pathKind,
    /** It knows the bulk channel. */
    bulk: z.boolean().optional(),
  }),
  z.object({ type: z.literal('path-offer'), offer: pathOffer }),
  /** The viewer's path was dead for a while: what came before is lost, and it needs a beginning. */
  z.object({ type: z.literal('resume') }),
]);
export type ViewerControl = z.infer<typeof viewerControl>;
