import { createHash, createHmac } from 'node:crypto';

/** Key of the long-term credential mechanism (RFC 8489 §9.2.2, MD5). Names and passwords here are ASCII, so that SASLprep changes nothing. */
export function longTermKey(username: string, realm: string, password: string): Buffer {
  return createHash('md5').update(`${username}:${realm}:${password}`).digest();
}

/** The password that belongs to a time-limited name of the TURN REST scheme (coturn: use-auth-secret). */
export function restPassword(secret: string, username: string): string {
  return createHmac('sha1', secret).update(username).digest('base64');
}

/** Name of the TURN REST scheme: when it ends, seconds since 1970, and of whom it is. */
export function restUsername(expiresS: number, id: string): string {
  return `${Math.floor(expiresS)}:${id}`;
}

/** Null for what is no such name. */
export function parseRestUsername(username: string): { readonly expiresS: number; readonly id: string } | null {
  const [, expires, id] = /^(\d{1,12}):([\x21-\x7e]{1,200})$/.exec(username) ?? [];
  return expires && id ? { expiresS: Number(expires), id } : null;
}
