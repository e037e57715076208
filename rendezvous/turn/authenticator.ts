import { attributeOf, ATTRIBUTE, hasIntegrity, type StunMessage } from '../../peer/stun/message.ts';
import type { Endpoint } from '../../peer/stun/address.ts';
import type { TurnCredentials, TurnUser } from './credentials.ts';
import type { Nonces } from './nonces.ts';

export const REALM = 'keyhole';
/** RFC 8489 §14.3 and §14.10: names have at most 508 bytes, nonces 763. */
const MAX_NAME = 508;

export type Authentication =
  | { readonly kind: 'known'; readonly user: TurnUser; readonly key: Buffer; readonly ended: boolean; readonly request: StunMessage }
  /** To be answered with a realm and a fresh nonce, unsigned. */
  | { readonly kind: 'challenge'; readonly code: 401 | 438 }
  | { readonly kind: 'malformed' };

/** The long-term credential mechanism of RFC 8489 §9.2.4, with SHA-1 and MD5 as all TURN clients have it. */
export class Authenticator {
  readonly #credentials: TurnCredentials;
  readonly #nonces: Nonces;

  constructor(credentials: TurnCredentials, nonces: Nonces) {
    this.#credentials = credentials;
    this.#nonces = nonces;
  }

  nonceFor(client: Endpoint): string {
    return this.#nonces.make(client);
  }

  /** `request` in the answer holds what is signed, and nothing that somebody put behind that (RFC 8489 §14.5). */
  authenticate(request: StunMessage, client: Endpoint): Authentication {
    const integrity = request.attributes.findIndex(({ type }) => type === ATTRIBUTE.messageIntegrity);
    if (integrity < 0) return { kind: 'challenge', code: 401 };
    const signed: StunMessage = { ...request, attributes: request.attributes.slice(0, integrity) };
    const [name, realm, nonce] = [ATTRIBUTE.username, ATTRIBUTE.realm, ATTRIBUTE.nonce].map((type) => attributeOf(signed, type));
    if (!name || !realm || !nonce || name.length > MAX_NAME) return { kind: 'malformed' };
    const known = realm.toString('utf8') === REALM ? this.#credentials.keyOf(name.toString('utf8'), REALM) : null;
    // A nonce that is stale and a signature that is wrong: the signature counts.
    if (!known || !hasIntegrity(request, known.key)) return { kind: 'challenge', code: 401 };
    if (!this.#nonces.isFresh(nonce.toString('latin1'), client)) return { kind: 'challenge', code: 438 };
    return { kind: 'known', ...known, request: signed };
  }
}
