import { createHmac } from 'node:crypto';
import type { Clock } from '../../electron/base/clock.ts';
import { longTermKey, parseRestUsername, restPassword, restUsername } from '../../peer/stun/long-term.ts';
import { SourceLimiter, networkOf } from '../source-limiter.ts';

/** A day, as the REST scheme advises: a peer renews them long before. */
export const CREDENTIALS_TTL_S = 86_400;

export interface IssuedCredentials {
  readonly username: string;
  readonly credential: string;
  readonly ttlS: number;
}

/** Of whom a name is, as far as limits go: a peer, and the network that it registered from. */
export interface TurnUser {
  readonly username: string;
  readonly peer: string;
  readonly network: string;
}

/**
 * Time-limited credentials of the TURN REST scheme, which a coturn with the same secret takes too. The name holds when they
 * end and, in tags that mean nothing without the secret, which peer has them and from which network it came: so limits hold
 * wherever they are used, and nobody on the way learns whose they are. Keeps no list.
 */
export class TurnCredentials {
  readonly #secret: string;
  readonly #clock: Clock;
  readonly #issues: SourceLimiter;
  #refused = 0;

  /** @param perSecond how many are given to one network in the long run; @param burst and at once */
  constructor(options: { secret: string; clock: Clock; perSecond: number; burst: number }) {
    this.#secret = options.secret;
    this.#clock = options.clock;
    this.#issues = new SourceLimiter(options.clock, options.perSecond, options.burst);
  }

  /** How often none were given, because a network had had its share. */
  get refused(): number {
    return this.#refused;
  }

  /** Credentials of the owner of `address`, who is at the IP address `remote`; null when that network has had its share. */
  issue(address: string, remote: string): IssuedCredentials | null {
    if (!this.#issues.take(remote)) {
      this.#refused += 1;
      return null;
    }
    const id = `${this.#tag(`peer ${address}`)}.${this.#tag(`network ${networkOf(remote).toString('hex')}`)}`;
    const username = restUsername(this.#clock.now() / 1000 + CREDENTIALS_TTL_S, id);
    return { username, credential: restPassword(this.#secret, username), ttlS: CREDENTIALS_TTL_S };
  }

  /** Who a name is of, and the key that belongs to it; null when it is none of ours. `ended` when its time is over. */
  keyOf(username: string, realm: string): { user: TurnUser; key: Buffer; ended: boolean } | null {
    const parsed = parseRestUsername(username);
    if (!parsed) return null;
    const [peer = '', network = ''] = parsed.id.split('.');
    const key = longTermKey(username, realm, restPassword(this.#secret, username));
    return { user: { username, peer, network }, key, ended: parsed.expiresS * 1000 <= this.#clock.now() };
  }

  #tag(of: string): string {
    return createHmac('sha256', this.#secret).update(`keyhole turn ${of}`).digest('hex').slice(0, 16);
  }
}
