import { z } from 'zod';
import { natSummary, pathAnswer, pathOffer } from '../path/path-messages.ts';
import { isErrorCode, type ErrorCode } from '../../electron/base/errors.ts';

/** What an app and a camera say to each other over the secure channel, before there is a session. JSON. */
const sdp = z.string().max(24 * 1024);
/** See `sessionIdOf`. */
const sessionId = z.string().regex(/^[A-Za-z0-9_-]{22}$/);

export const appMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('pair'),
    /** inviteId, 8 bytes, and proveSecret, 32 bytes; base64url. */
    invite: z.string().regex(/^[A-Za-z0-9_-]{11}$/),
    proof: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
    /** How the app calls itself, for the camera's list. */
    name: z.string().max(128),
  }),
  z.object({
    type: z.literal('offer'),
    sdp,
    /** False: the camera is not to use a relay either. */
    relay: z.boolean().default(true),
    /** The app knows the handshake link (`path/handshake-link.ts`). */
    reliableHandshake: z.boolean().default(false),
    nat: natSummary.optional(),
  }),
  /** A further path for a session that runs and whose own path is dead. */
  z.object({ type: z.literal('path'), session: sessionId, offer: pathOffer }),
]);
/** As it is written: what has a default may be left out. */
export type AppMessage = z.input<typeof appMessage>;
export type ReadAppMessage = z.output<typeof appMessage>;

const errorCode = z
  .string()
  .max(40)
  .transform((code): ErrorCode => (isErrorCode(code) ? code : 'protocol-error'));

export const cameraMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('paired'), name: z.string().max(128) }),
  z.object({ type: z.literal('answer'), sdp, reliableHandshake: z.boolean().default(false), nat: natSummary.optional() }),
  z.object({ type: z.literal('path'), answer: pathAnswer }),
  z.object({ type: z.literal('refused'), code: errorCode, text: z.string().max(512) }),
]);
export type CameraMessage = z.output<typeof cameraMessage>;
export type WrittenCameraMessage = z.input<typeof cameraMessage>;
