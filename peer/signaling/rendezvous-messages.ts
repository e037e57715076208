import { z } from 'zod';
import { iceOffer } from './ice-servers.ts';

/** What peers and a rendezvous say to each other: JSON in WebSocket text messages. `data` is sealed end to end. */
export const RENDEZVOUS_VERSION = 1;
/** Bytes of one WebSocket message, both ways. */
export const MAX_RENDEZVOUS_MESSAGE = 64 * 1024;

const base64url = (maxBytes: number) =>
  z
    .string()
    .max(Math.ceil((maxBytes * 4) / 3))
    .regex(/^[A-Za-z0-9_-]*$/);
const address = z.string().regex(/^[a-z2-7]{32}$/);

export const clientMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('register'), key: base64url(32), signature: base64url(64) }),
  z.strictObject({ type: z.literal('send'), to: address, data: base64url(MAX_RENDEZVOUS_MESSAGE) }),
  /** Asks for fresh TURN credentials. Only for servers that gave some: older ones do not know the message. */
  z.strictObject({ type: z.literal('credentials') }),
]);
export type ClientMessage = z.infer<typeof clientMessage>;

/** Unknown fields are let pass, so that a newer server can say more. */
export const serverMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('challenge'),
    version: z.number().int().min(1),
    nonce: base64url(64).min(22),
    /** UDP port of STUN on the host of this WebSocket; null when there is none. */
    stunPort: z.number().int().min(1).max(65535).nullable(),
  }),
  /** `ice` since 0.2; one that makes no sense is none. */
  z.object({ type: z.literal('registered'), address, ice: iceOffer.optional().catch(undefined) }),
  z.object({ type: z.literal('credentials'), ice: iceOffer }),
  z.object({ type: z.literal('message'), from: address, data: base64url(MAX_RENDEZVOUS_MESSAGE) }),
  z.object({ type: z.literal('unreachable'), to: address }),
  z.object({ type: z.literal('error'), code: z.string().max(64), text: z.string().max(512) }),
]);
export type ServerMessage = z.infer<typeof serverMessage>;

/** WebSocket close codes of a rendezvous. */
export const CLOSE = { replaced: 4001, refused: 4002, limit: 4003 } as const;

/**
 * What the owner of an address signs to register: the server's nonce, and the server's name as the client knows it, so that
 * one rendezvous cannot pass another's challenge on and register there in the peer's place.
 */
export function registrationTranscript(nonce: Uint8Array, host: string): Buffer {
  return Buffer.concat([Buffer.from(`keyhole rendezvous register v1\0${host.toLowerCase()}\0`), nonce]);
}

/** The schema's output, or null for anything else. Never throws. */
export function parseJson<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    const result = schema.safeParse(JSON.parse(text));
    return result.success ? result.data : null;
  } catch {
    return null;
  }
}
