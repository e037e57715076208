import { encode } from 'uqr';
import type { AcceptedSource } from '../sources/registry.ts';

/** Pairing by two texts that people carry, without any server. */
export interface HandPairing {
  /** Errors: `invite-*`. */
  offer(invite: string): Promise<{ readonly ticket: string; readonly offer: string }>;
  /** What to keep of the camera; its source finds the connection that was made. Errors: `answer-wrong`, `not-found`, `ice-failed`. */
  answer(ticket: string, answer: string): Promise<AcceptedSource>;
}

/** Rows of `1` (dark) and `0`; null for a text that is too long for a QR code (about 2.9 KB). */
export function qrRows(text: string): readonly string[] | null {
  try {
    return encode(text, { ecc: 'L', border: 0 }).data.map((row) => row.map((dark) => (dark ? '1' : '0')).join(''));
  } catch {
    return null;
  }
}
