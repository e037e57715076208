import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Clock } from '../electron/base/clock.ts';
import { CodedError } from '../electron/base/errors.ts';
import type { Log } from '../electron/base/log.ts';
import { resolveIceServers, type IceOffer } from '../peer/signaling/ice-servers.ts';
import { hostText } from '../peer/stun/address.ts';
import { isWildcard, ownAddresses, primaryAddress, type Family, type KnownAddress } from './addresses.ts';
import type { RendezvousOptions, TurnOptions } from './flags.ts';
import { DEFAULT_LIMITS, type RendezvousLimits } from './limits.ts';
import { RendezvousServer } from './server.ts';
import { StunServer } from './stun-server.ts';
import { hostOfCertificate, TlsFiles } from './tls-files.ts';
import { TurnCredentials } from './turn/credentials.ts';
import { DEFAULT_TURN_LIMITS, type TurnLimits } from './turn/limits.ts';
import { PeerPolicy } from './turn/peer-policy.ts';
import { TurnDatagrams } from './turn/turn-datagrams.ts';
import { TurnServer } from './turn/turn-server.ts';
import { TurnStreams } from './turn/turn-streams.ts';
import { closeUdp, openUdp, udpStartError } from './udp-socket.ts';

/** What scripts and peers are told of a rendezvous that runs. */
export interface RendezvousPlace {
  /** ws:// or wss:// */
  readonly url: string;
  readonly stunPort: number;
  readonly stun: readonly string[];
  readonly turn: readonly string[];
}

/** Of a shared secret, characters: shorter ones are guessed from one message that was seen on the way. */
const MIN_SECRET = 16;

/** Everything that `keyhole rendezvous` is: introductions, STUN, and a relay if there shall be one. */
export class Rendezvous {
  readonly #options: RendezvousOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: RendezvousLimits;
  readonly #turnLimits: TurnLimits;
  readonly #closers: (() => unknown)[] = [];
  #counters: () => Readonly<Record<string, number>> = () => ({});

  constructor(
    options: RendezvousOptions,
    { clock, log, limits, turnLimits }: { clock: Clock; log: Log; limits?: RendezvousLimits; turnLimits?: TurnLimits },
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits ?? DEFAULT_LIMITS;
    this.#turnLimits = turnLimits ?? DEFAULT_TURN_LIMITS;
  }

  /** What it did so far: numbers for the log. */
  get counters(): Readonly<Record<string, number>> {
    return this.#counters();
  }

  /** @throws CodedError `port-in-use`, `usage` for addresses, files and secrets that are of no use. */
  async start(): Promise<RendezvousPlace> {
    try {
      return await this.#start();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  async #start(): Promise<RendezvousPlace> {
    const { port, stunPort, stunAlternates, turn, tls } = this.#options;
    const [clock, log, limits] = [this.#clock, this.#log, this.#limits];
    const bind = await numericAddress(this.#options.bind);
    const relayAddresses = turn?.embedded ? await relayAddressesOf(turn, bind) : [];
    const { issuesPerSecond, issueBurst } = this.#turnLimits;
    const credentials = turn && new TurnCredentials({ secret: await secretOf(turn), clock, perSecond: issuesPerSecond, burst: issueBurst });
    const relay = turn?.embedded && credentials ? this.#relay(turn, credentials, relayAddresses) : null;
    const datagrams = relay && new TurnDatagrams(relay);
    const streams = new TurnStreams({ clock, server: relay, limits: { ...limits, ...this.#turnLimits } });
    const stun = new StunServer({
      ...{ clock, log: log.child('stun'), alternates: stunAlternates, known: relayAddresses },
      perSecond: limits.stunPerSecond,
      perSecondPerAddress: limits.stunPerSecondPerAddress,
      handler: datagrams ? (site, datagram, from) => datagrams.receive(site, datagram, from) : undefined,
    });
    this.#closers.push(() => stun.close());
    const files = tls && new TlsFiles({ files: tls, clock, log });
    const identity = files ? await files.load() : null;
    const own = () => (relay ? [`turn::${stun.port}?transport=udp`, 'turn:?transport=tcp'] : []);
    const alternate = stunAlternates[0]?.announced ?? '';
    const offer = (issued: ReturnType<TurnCredentials['issue']>): IceOffer => ({
      stun: [`stun::${stun.port}`],
      stunAlternate: `stun:${hostText(alternate)}:${stun.alternatePort}`,
      turn: issued ? [{ urls: [...own(), ...(turn?.urls ?? [])], ...issued }] : [],
    });
    const server = new RendezvousServer({
      ...{ clock, log, limits, tls: identity },
      stunPort: () => stun.port || null,
      ice: (address, remote) => offer(credentials?.issue(address, remote) ?? null),
      stun: (socket, remote) => streams.accept(socket, remote),
    });
    this.#closers.push(
      () => server.close(),
      () => streams.close(),
    );
    await stun.start(bind, stunPort);
    const taken = await server.start(bind, port);
    files?.watch((renewed) => server.useCertificate(renewed));
    this.#closers.push(() => files?.close());
    this.#counters = () => ({
      ...server.counters,
      stunAnswered: stun.answered,
      stunDropped: stun.dropped,
      ...(credentials && { credentialsRefused: credentials.refused }),
      ...(relay && prefixed('turn', { ...relay.counters, now: relay.size, streams: streams.size, streamsDropped: streams.dropped })),
    });

    const host = (identity && hostOfCertificate(identity.cert)) ?? hostFor(this.#options.bind);
    const url = `${identity ? 'wss' : 'ws'}://${host}:${taken}`;
    const told = resolveIceServers(offer(turn && { username: '', credential: '', ttlS: 1 }), url);
    return { url, stunPort: stun.port, stun: told.stun, turn: told.turn.map((entry) => entry.url) };
  }

  #relay(turn: TurnOptions, credentials: TurnCredentials, relayAddresses: readonly KnownAddress[]): TurnServer {
    const { allowPrivate, ports } = turn;
    const clock = this.#clock;
    const known = this.#options.stunAlternates;
    const policy = new PeerPolicy({ clock, ownAddresses, relayAddresses, known, allowPrivate });
    for (const { announced } of relayAddresses) {
      if (!policy.refuses(announced)) continue;
      this.#log.warn('the relay address is not a public one: peers elsewhere cannot be reached through it; see --relay-address', {
        announced,
      });
    }
    const relay = new TurnServer({ clock, limits: this.#turnLimits, credentials, policy, relayAddresses, ports });
    this.#closers.push(() => relay.close());
    return relay;
  }
}

async function numericAddress(bind: string): Promise<string> {
  if (isIP(bind) !== 0) return bind;
  try {
    return (await lookup(bind, { family: 4 })).address;
  } catch (error) {
    throw new CodedError('usage', `${bind} is no address of this machine: choose another with --bind.`, { cause: error });
  }
}

/** Those that were named, else the addresses that are bound to, one of each family. @throws CodedError `usage` */
async function relayAddressesOf({ relayAddresses }: TurnOptions, bind: string): Promise<readonly KnownAddress[]> {
  const families: readonly Family[] = [4, 6];
  const addresses =
    relayAddresses.length > 0
      ? relayAddresses
      : families.flatMap((family) => primaryAddress(bind, family) ?? []).map((local) => ({ local, announced: local }));
  for (const { local } of addresses) {
    try {
      await closeUdp(await openUdp(local, 0));
    } catch (error) {
      throw udpStartError(error, local, 0);
    }
  }
  return addresses;
}

/** @throws CodedError `usage` */
async function secretOf({ secretFile }: TurnOptions): Promise<string> {
  if (secretFile === null) return randomBytes(32).toString('base64url');
  const secret = await readFile(secretFile, 'utf8').catch((error: unknown) => {
    throw new CodedError('usage', `The secret ${secretFile} cannot be read (${error instanceof Error ? error.message : String(error)}).`);
  });
  if (secret.trim().length < MIN_SECRET) {
    throw new CodedError(
      'usage',
      `The secret in ${secretFile} is too short: make one of ${MIN_SECRET} characters or more, say by "openssl rand -hex 32".`,
    );
  }
  return secret.trim();
}

/** A host by which this machine, and others of its network where that can be known, reach what is bound to `bind`. */
function hostFor(bind: string): string {
  if (!isWildcard(bind)) return hostText(bind);
  return hostText(primaryAddress(bind, 4) ?? primaryAddress(bind, 6) ?? '127.0.0.1');
}

function prefixed(prefix: string, counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).map(([name, value]) => [`${prefix}${name[0]?.toUpperCase()}${name.slice(1)}`, value]));
}
