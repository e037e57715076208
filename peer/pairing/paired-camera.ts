import { z } from 'zod';
import { CodedError } from '../../electron/base/errors.ts';
import { isAddress } from '../identity.ts';
import { isRendezvousUrl, MAX_RENDEZVOUS } from './invite.ts';

/** What an app keeps of a camera. Not secret, but who can change it can put another camera in its place. */
export interface PairedCamera {
  /** The camera's identity: 32 bytes, base64url. */
  readonly publicKey: string;
  /** Its address at the rendezvous. */
  readonly address: string;
  /** Where it can be met; each is tried. None: on its own network only. */
  readonly rendezvous: readonly string[];
  readonly name: string;
}

const schema = z.object({
  publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  address: z.string().refine(isAddress),
  rendezvous: z.array(z.string().refine(isRendezvousUrl)).max(MAX_RENDEZVOUS),
  name: z.string().max(256),
});

/** What was kept as JSON. @throws CodedError `protocol-error` when it is damaged */
export function parsePairedCamera(value: unknown): PairedCamera {
  const result = schema.safeParse(value);
  if (!result.success) throw new CodedError('protocol-error', 'What is kept of this camera is damaged: remove it and pair it again.');
  return result.data;
}
