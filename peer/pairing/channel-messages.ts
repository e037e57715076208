import { z } from 'zod';
import { isErrorCode, type ErrorCode } from '../../electron/base/errors.ts';

/** What an app and a camera say to each other over the secure channel, before there is a session. JSON. */
const sdp = z.string().max(24 * 1024);

export const appMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('pair'),
    /** inviteId, 8 bytes, and proveSecret, 32 bytes; base64url. */
    invite: z.string().regex(/^[A-Za-z0-9_-]{11}$/),
    proof: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
    /** How the app calls itself, for the camera's list. */
    name: z.string().max(128),
  }),
  z.object({ type: z.literal('offer'), sdp }),
]);
export type AppMessage = z.infer<typeof appMessage>;

const errorCode = z
  .string()
  .max(40)
  .transform((code): ErrorCode => (isErrorCode(code) ? code : 'protocol-error'));

export const cameraMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('paired'), name: z.string().max(128) }),
  z.object({ type: z.literal('answer'), sdp }),
  z.object({ type: z.literal('refused'), code: errorCode, text: z.string().max(512) }),
]);
export type CameraMessage = z.infer<typeof cameraMessage>;
