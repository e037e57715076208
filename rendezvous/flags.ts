import { CodedError } from '../electron/base/errors.ts';
import { portFlag, readFlags } from '../electron/base/flags.ts';
import { resolveIceUrl } from '../peer/signaling/ice-servers.ts';
import { familyOf, knownAddress, type KnownAddress } from './addresses.ts';

export interface TurnOptions {
  /** The relay that is built in; false when only credentials for others are handed out. */
  readonly embedded: boolean;
  /** Null: a secret of this process alone. */
  readonly secretFile: string | null;
  /** Relays elsewhere that share the secret. */
  readonly urls: readonly string[];
  /** At most one of each family; none: chosen by the bound address. */
  readonly relayAddresses: readonly KnownAddress[];
  /** First and last UDP port that peers may be relayed through. */
  readonly ports: readonly [number, number];
  readonly allowPrivate: boolean;
}

export interface RendezvousOptions {
  readonly port: number;
  readonly bind: string;
  readonly stunPort: number;
  /** At most one of each family. */
  readonly stunAlternates: readonly KnownAddress[];
  readonly turn: TurnOptions | null;
  readonly tls: { readonly cert: string; readonly key: string } | null;
}

export const RENDEZVOUS_USAGE = `Usage: keyhole rendezvous [--port 8485] [--bind ADDR] [--stun-port 3478] [--stun-alt-address ADDR]
         [--tls-cert FILE --tls-key FILE]
         [--turn [--relay-address ADDR] [--relay-ports 49152-65535] [--relay-allow-private]]
         [--turn-secret-file FILE [--turn-url turn:HOST:PORT]…]
Introduces cameras and apps to each other, answers STUN, and with --turn relays what cannot go directly: over UDP on the
STUN port, over TCP (with --tls-cert also TLS) on the port of the WebSocket. Port 0 takes a free one. --bind :: takes IPv6 too.
--stun-alt-address  a second address of this machine, with which peers find out what kind of NAT they are behind
--turn-secret-file  a secret of 16 characters or more; with --turn-url, the static-auth-secret of a coturn there
ADDR of --stun-alt-address and --relay-address is PUBLIC/LOCAL on a machine behind a one-to-one NAT.`;

/** RFC 8656 §7.2: ports for relaying are dynamic ones. */
const DEFAULT_RELAY_PORTS = '49152-65535';
const MAX_TURN_URLS = 4;

/** @throws CodedError `usage` */
export function parseRendezvousFlags(argv: readonly string[]): RendezvousOptions {
  const values = readFlags(
    argv,
    {
      'port': { type: 'string', default: '8485' },
      'bind': { type: 'string', default: '0.0.0.0' },
      'stun-port': { type: 'string', default: '3478' },
      'stun-alt-address': { type: 'string', multiple: true, default: [] },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      'turn': { type: 'boolean', default: false },
      'turn-secret-file': { type: 'string' },
      'turn-url': { type: 'string', multiple: true, default: [] },
      'relay-address': { type: 'string', multiple: true, default: [] },
      'relay-ports': { type: 'string' },
      'relay-allow-private': { type: 'boolean', default: false },
    },
    RENDEZVOUS_USAGE,
  );
  const { turn, 'turn-secret-file': secretFile = null, 'turn-url': urls, 'tls-cert': cert, 'tls-key': key } = values;
  const needsTurn = (['relay-address', 'relay-ports', 'relay-allow-private'] as const).find(
    (flag) => values[flag] !== undefined && values[flag] !== false && !(Array.isArray(values[flag]) && values[flag].length === 0),
  );
  if (needsTurn && !turn) throw usage(`--${needsTurn} is of the built-in relay: give --turn too.`);
  if (urls.length > 0 && secretFile === null) throw usage('--turn-url needs --turn-secret-file: the secret that the relay there has too.');
  if (secretFile !== null && !turn && urls.length === 0) {
    throw usage('--turn-secret-file needs --turn, the built-in relay, or --turn-url, one elsewhere.');
  }
  if (urls.length > MAX_TURN_URLS) throw usage(`--turn-url is taken at most ${MAX_TURN_URLS} times.`);
  if ((cert === undefined) !== (key === undefined)) throw usage('--tls-cert and --tls-key go together.');
  return {
    port: portFlag('port', values.port),
    bind: values.bind,
    stunPort: portFlag('stun-port', values['stun-port']),
    stunAlternates: addresses('stun-alt-address', values['stun-alt-address']),
    tls: cert !== undefined && key !== undefined ? { cert, key } : null,
    turn:
      turn || urls.length > 0
        ? {
            embedded: turn,
            secretFile,
            urls: urls.map(turnUrl),
            relayAddresses: addresses('relay-address', values['relay-address']),
            ports: portRange(values['relay-ports'] ?? DEFAULT_RELAY_PORTS),
            allowPrivate: values['relay-allow-private'],
          }
        : null,
  };
}

function addresses(flag: string, texts: readonly string[]): KnownAddress[] {
  const known = texts.map((text) => knownAddress(flag, text));
  const families = new Set(known.map(({ local }) => familyOf(local)));
  if (families.size < known.length) throw usage(`--${flag} is taken once for IPv4 and once for IPv6.`);
  return known;
}

function turnUrl(text: string): string {
  // With an empty host it would mean this rendezvous' own.
  const url = /^turns?:[^:?]/i.test(text) ? resolveIceUrl(text, 'ws://localhost') : null;
  if (!url) {
    throw usage(`--turn-url takes turn:HOST:PORT, turn:HOST:PORT?transport=tcp or turns:HOST:PORT?transport=tcp, not "${text}".`);
  }
  return url;
}

function portRange(text: string): [number, number] {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const range: [number, number] = [Number(first), Number(last)];
  if (!first || !last || range[0] < 1024 || range[1] > 65_535 || range[0] > range[1]) {
    throw usage(`--relay-ports takes two ports from 1024 to 65535, as in ${DEFAULT_RELAY_PORTS}, not "${text}".`);
  }
  return range;
}

function usage(text: string): CodedError {
  return new CodedError('usage', `${text}\n${RENDEZVOUS_USAGE}`);
}
