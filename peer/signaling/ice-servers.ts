import { z } from 'zod';
import type { TurnServer } from '../session/connection.ts';

/** URLs and servers of one offer, and characters of each text: more is no offer. */
const MAX_URLS = 8;
const MAX_TEXT = 300;
/** Of a list, of which a hostile rendezvous could make an agent probe the world: so many TURN URLs are used. */
const MAX_TURN = 8;

const text = z.string().max(MAX_TEXT);
/**
 * STUN and TURN servers as a rendezvous hands them out. A URL (RFC 7064, 7065) with an empty host means the host of the
 * WebSocket; one with neither host nor port means the very port of the WebSocket too, with TLS when that has it.
 */
export const iceOffer = z.object({
  stun: z.array(text).max(MAX_URLS),
  /** A second address or port of the same STUN server, for the tests of RFC 5780. */
  stunAlternate: text.nullable().optional(),
  turn: z
    .array(
      z.object({
        urls: z.array(text).max(MAX_URLS),
        username: text,
        credential: text,
        /** Seconds until the credential ends; the name of the user holds when. */
        ttlS: z
          .number()
          .int()
          .min(1)
          .max(30 * 86_400),
      }),
    )
    .max(MAX_URLS),
});
export type IceOffer = z.infer<typeof iceOffer>;

/** What a registered peer may use, every URL with its host. */
export interface IceServers {
  /** `stun:HOST:PORT` */
  readonly stun: readonly string[];
  readonly turn: readonly TurnServer[];
  /** A second address or port of the STUN server; null when it has none. */
  readonly stunAlternate: string | null;
}

export const NO_ICE_SERVERS: IceServers = { stun: [], turn: [], stunAlternate: null };

/** The servers of an offer that came over the WebSocket at `webSocketUrl`; URLs that make no sense are left out. */
export function resolveIceServers(offer: IceOffer, webSocketUrl: string): IceServers {
  const resolve = (url: string) => resolveIceUrl(url, webSocketUrl) ?? [];
  const of = (kind: string) => (url: string) => url.startsWith(kind);
  const turn = offer.turn.flatMap(({ urls, username, credential }) =>
    urls
      .flatMap(resolve)
      .filter(of('turn'))
      .map((url) => ({ url, username, credential })),
  );
  return {
    stun: offer.stun.flatMap(resolve).filter(of('stun')),
    turn: turn.slice(0, MAX_TURN),
    stunAlternate: [offer.stunAlternate ?? ''].flatMap(resolve).find(of('stun')) ?? null,
  };
}

const ICE_URL = /^(stuns?|turns?):(\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{0,253})(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/i;

/** The URL with the host (and port) filled in, the port always said; null when it is none of RFC 7064 or 7065. */
export function resolveIceUrl(url: string, webSocketUrl: string): string | null {
  const found = ICE_URL.exec(url);
  if (!found) return null;
  let [scheme = '', host = '', port = ''] = found.slice(1, 4).map((part) => part?.toLowerCase() ?? '');
  const transport = found[4]?.toLowerCase();
  // RFC 7065 §3.1: transports of STUN have no say in the URL.
  if (scheme.startsWith('stun') && transport) return null;
  if (host === '') {
    const here = new URL(webSocketUrl);
    const secure = here.protocol === 'wss:';
    host = here.hostname;
    if (port === '') {
      if (transport !== 'tcp') return null;
      port = here.port || (secure ? '443' : '80');
      scheme = secure ? 'turns' : 'turn';
    }
  }
  port ||= scheme.endsWith('s') ? '5349' : '3478';
  if (Number(port) < 1 || Number(port) > 65_535) return null;
  return `${scheme}:${host}:${Number(port)}${transport ? `?transport=${transport}` : ''}`;
}
