import { createHash } from 'node:crypto';

/** A name for a session that both ends know and nobody else: of the handshake of the channel over which it was agreed on. */
export function sessionIdOf(handshakeHash: Uint8Array): string {
  return createHash('sha256').update('keyhole session id v1\0').update(handshakeHash).digest().subarray(0, 16).toString('base64url');
}
