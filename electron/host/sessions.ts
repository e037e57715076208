import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';

/** A browser stays let in this long. */
const SESSION_MS = 30 * 24 * 3600_000;
/** Links that were printed and not used yet; the oldest is forgotten. */
const MAX_LINKS = 16;

/**
 * Who may use the browser host. A token in a URL works once and becomes a cookie, because URLs end up in histories and
 * logs; in an `Authorization: Bearer` header the token works for as long as the host runs.
 */
export class Sessions {
  readonly token: string;
  readonly #key: Buffer;
  readonly #clock: Clock;
  readonly #links: Buffer[] = [];

  /** The cookies' key is derived from the data key, so that a browser stays let in across restarts. */
  constructor(deps: { token: string; dataKey: Uint8Array; clock: Clock }) {
    this.token = deps.token;
    this.#key = Buffer.from(hkdfSync('sha256', deps.dataKey, Buffer.alloc(0), 'keyhole browser session v1', 32));
    this.#clock = deps.clock;
    this.#links.push(digest(deps.token));
  }

  /** A new one-time token for a link. */
  newLink(): string {
    const token = newToken();
    this.#links.push(digest(token));
    // The first entry is the bearer token's own single use.
    if (this.#links.length > MAX_LINKS) this.#links.splice(1, 1);
    return token;
  }

  /** Uses up a token from a URL: the value of the cookie, or undefined when it is unknown or was used. */
  redeem(token: string): string | undefined {
    const asked = digest(token);
    const index = this.#links.findIndex((link) => timingSafeEqual(link, asked));
    if (index < 0) return undefined;
    this.#links.splice(index, 1);
    return this.newCookie();
  }

  newCookie(): string {
    const expires = String(this.#clock.now() + SESSION_MS);
    return `${expires}.${this.#sign(expires)}`;
  }

  bearerValid(token: string): boolean {
    return timingSafeEqual(digest(token), digest(this.token));
  }

  cookieValid(value: string): boolean {
    const [expires = '', signature = ''] = value.split('.', 2);
    if (!/^\d{13,16}$/.test(expires) || Number(expires) < this.#clock.now()) return false;
    return timingSafeEqual(digest(signature), digest(this.#sign(expires)));
  }

  /** The Set-Cookie header. The port is in the name because cookies do not tell ports apart. */
  setCookie(port: number, value: string): string {
    return `${cookieName(port)}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_MS / 1000}`;
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }
}

export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

export function cookieName(port: number): string {
  return `keyhole-${port}`;
}

/** Equal lengths for the comparison in constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
