import { createHmac, timingSafeEqual } from 'node:crypto';

/** Which of both ends: `hard` is behind the NAT that gives each destination a port of its own, `easy` is the other one. */
export type PunchSide = 'hard' | 'easy';

/** `probe` opens a way, the hard side's `answer` takes it, the easy side's `confirm` agrees. */
export type PunchKind = 'probe' | 'answer' | 'confirm';

export interface PunchMessage {
  readonly kind: PunchKind;
  readonly from: PunchSide;
  /** Counts what the hard side took, 0 to 255: a later answer outdates an earlier one. */
  readonly round: number;
  /** 8 bytes, the sender's own of this attempt. */
  readonly nonce: Buffer;
  /** 8 bytes: the other end's, so that what it says is known to be of now; zeros in a probe. */
  readonly echo: Buffer;
}

/** All messages are of one size: nothing that is sent to us makes us send more. */
export const PUNCH_BYTES = 40;
export const PUNCH_KEY_BYTES = 32;
export const NONCE_BYTES = 8;

/** Its first byte is none of STUN's, DTLS', TURN's or RTP's (RFC 7983 §7): a late one does no harm to a session. */
const MAGIC = Buffer.from('khp1', 'latin1');
const KINDS: readonly PunchKind[] = ['probe', 'answer', 'confirm'];
const SIDES: readonly PunchSide[] = ['hard', 'easy'];
const TAG_AT = 24;

/** Magic(4) ‖ kind ‖ side ‖ round ‖ 0 ‖ nonce(8) ‖ echo(8) ‖ the first 16 bytes of HMAC-SHA256 over all before it. */
export function writePunch(message: PunchMessage, key: Uint8Array): Buffer {
  const out = Buffer.alloc(PUNCH_BYTES);
  MAGIC.copy(out, 0);
  out[4] = KINDS.indexOf(message.kind);
  out[5] = SIDES.indexOf(message.from);
  out[6] = message.round;
  message.nonce.copy(out, 8, 0, NONCE_BYTES);
  message.echo.copy(out, 16, 0, NONCE_BYTES);
  tagOf(out, key).copy(out, TAG_AT);
  return out;
}

/** Null for all that was not made with `key`. */
export function readPunch(bytes: Buffer, key: Uint8Array): PunchMessage | null {
  if (bytes.length !== PUNCH_BYTES || !bytes.subarray(0, 4).equals(MAGIC)) return null;
  if (!timingSafeEqual(tagOf(bytes, key), bytes.subarray(TAG_AT))) return null;
  const kind = KINDS[bytes[4] ?? 255];
  const from = SIDES[bytes[5] ?? 255];
  if (!kind || !from || bytes[7] !== 0) return null;
  return { kind, from, round: bytes[6] ?? 0, nonce: Buffer.from(bytes.subarray(8, 16)), echo: Buffer.from(bytes.subarray(16, TAG_AT)) };
}

function tagOf(bytes: Buffer, key: Uint8Array): Buffer {
  return createHmac('sha256', key)
    .update(bytes.subarray(0, TAG_AT))
    .digest()
    .subarray(0, PUNCH_BYTES - TAG_AT);
}
