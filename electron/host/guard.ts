import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { CodedError } from '../base/errors.ts';
import { cookieName, type Sessions } from './sessions.ts';

/**
 * Lets in who may come in. Two ways: the bearer token, for scripts; the cookie, for the browser, and then only from our
 * own page (Origin, Sec-Fetch-Site), because another program's page on 127.0.0.1 is "same site" and its requests carry
 * the cookie. The Host header is checked first: a name that an attacker's DNS points at us is not ours.
 */
export class Guard {
  readonly #sessions: Sessions;
  readonly #port: () => number;
  readonly #names: ReadonlySet<string>;
  readonly #anyAddress: boolean;

  /** @param bind the address listened on. Beyond loopback, any literal address and this machine's name are ours too. */
  constructor(deps: { sessions: Sessions; bind: string; port: () => number }) {
    this.#sessions = deps.sessions;
    this.#port = deps.port;
    this.#anyAddress = !isLoopback(deps.bind);
    const names = ['localhost', '127.0.0.1', '[::1]', deps.bind.toLowerCase()];
    if (this.#anyAddress) names.push(hostname().toLowerCase(), `${hostname().toLowerCase()}.local`);
    this.#names = new Set(names);
  }

  /** Throws `forbidden` when the request was not meant for us or comes from another site's page. */
  checkHostAndOrigin(request: IncomingMessage): void {
    const host = request.headers.host;
    if (!host || !this.#isOurName(host)) {
      throw new CodedError('forbidden', 'This host name is not served here. Use the address that Keyhole printed.');
    }
    const origin = request.headers.origin;
    if (origin !== undefined && origin !== `http://${host}`) {
      throw new CodedError('forbidden', 'Requests from pages of other origins are refused.');
    }
  }

  /** Which credential lets the request in, if any. */
  credential(request: IncomingMessage): 'bearer' | 'cookie' | undefined {
    const bearer = /^Bearer ([\w-]{1,256})$/i.exec(request.headers.authorization ?? '');
    if (bearer?.[1] && this.#sessions.bearerValid(bearer[1])) return 'bearer';
    const site = request.headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin' && site !== 'none') return undefined;
    const wanted = `${cookieName(this.#port())}=`;
    for (const pair of (request.headers.cookie ?? '').split(/;\s*/)) {
      if (pair.startsWith(wanted) && this.#sessions.cookieValid(pair.slice(wanted.length))) return 'cookie';
    }
    return undefined;
  }

  /** A WebSocket is not held by the same-origin policy: with the cookie it must name our origin. */
  checkSocket(request: IncomingMessage): void {
    this.checkHostAndOrigin(request);
    const credential = this.credential(request);
    if (!credential) throw unauthorized();
    if (credential === 'cookie' && request.headers.origin === undefined) {
      throw new CodedError('forbidden', 'A WebSocket that is let in by the cookie must send its Origin.');
    }
  }

  #isOurName(host: string): boolean {
    const name = host.toLowerCase().replace(/:\d{1,5}$/, '');
    if (this.#names.has(name)) return true;
    return this.#anyAddress && isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
  }
}

export function unauthorized(): CodedError {
  return new CodedError('unauthorized', 'Not let in. Open the link that Keyhole printed, or send "Authorization: Bearer TOKEN".');
}

export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127\./.test(address);
}
