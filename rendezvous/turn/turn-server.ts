import type { Clock } from '../../electron/base/clock.ts';
import { xorMappedAddress, type Endpoint } from '../../peer/stun/address.ts';
import { isChannelData } from '../../peer/stun/frames.ts';
import { ATTRIBUTE, attributeOf, METHOD, parseStun, STUN_CLASS, writeStun, type StunMessage } from '../../peer/stun/message.ts';
import type { Family, KnownAddress } from '../addresses.ts';
import { SourceLimiter } from '../source-limiter.ts';
import { unknownAttributes } from '../stun-answer.ts';
import { closeUdp } from '../udp-socket.ts';
import { Allocation } from './allocation.ts';
import { Allocations, type Place } from './allocations.ts';
import { Authenticator, REALM } from './authenticator.ts';
import { newTurnCounters, type TurnCounters } from './counters.ts';
import type { TurnCredentials } from './credentials.ts';
import type { TurnLimits } from './limits.ts';
import { Nonces } from './nonces.ts';
import type { PeerPolicy } from './peer-policy.ts';
import { RelayPorts } from './relay-ports.ts';
import type { TurnClient } from './turn-client.ts';
import {
  DEFAULT_LIFETIME_S,
  errorAttribute,
  familyAsked,
  lifetimeAsked,
  peersOf,
  success,
  uint32,
  unknownOf,
  type Attributes,
} from './turn-request.ts';

const UDP = 17;
/** RFC 5766's range: RFC 8656 gives out only the first quarter, older clients use all of it. */
const CHANNELS = { first: 0x4000, last: 0x7ffe } as const;

export interface TurnServerOptions {
  readonly clock: Clock;
  readonly limits: TurnLimits;
  readonly credentials: TurnCredentials;
  readonly policy: PeerPolicy;
  readonly relayAddresses: readonly KnownAddress[];
  readonly ports: readonly [number, number];
}

type Outcome = Attributes | number | Buffer | null;

/** The TURN server of RFC 8656 for UDP between relay and peer; how clients are reached is the caller's. Never throws for what it is sent. */
export class TurnServer {
  readonly counters: TurnCounters = newTurnCounters();
  readonly #options: TurnServerOptions;
  readonly #authenticator: Authenticator;
  readonly #allocations: Allocations;
  readonly #ports: RelayPorts;
  readonly #requests: SourceLimiter;
  #closed = false;

  constructor(options: TurnServerOptions) {
    const { clock, limits, credentials, relayAddresses, ports } = options;
    this.#options = options;
    this.#authenticator = new Authenticator(credentials, new Nonces(clock, limits.nonceMs));
    this.#allocations = new Allocations(limits);
    this.#ports = new RelayPorts(relayAddresses, ports);
    this.#requests = new SourceLimiter(clock, limits.requestsPerSecond, limits.requestBurst);
  }

  /** Allocations now. */
  get size(): number {
    return this.#allocations.size;
  }

  close(): void {
    this.#closed = true;
    this.#allocations.endAll();
  }

  /** The client is gone (its stream ended): what it had is given back. */
  forget(client: TurnClient): void {
    client.isGone = true;
    client.allocation?.end();
  }

  /** A message or ChannelData of a client. */
  receive(client: TurnClient, data: Buffer): void {
    if (isChannelData(data[0] ?? 0)) {
      if (client.allocation) client.allocation.fromChannel(data);
      else this.counters.droppedUnpermitted += 1;
      return;
    }
    const message = parseStun(data);
    if (!message) return;
    if (message.class === STUN_CLASS.indication && message.method === METHOD.send) this.#send(client, message);
    else if (message.class === STUN_CLASS.request) {
      if (this.#requests.take(client.way.remote.address)) this.#request(client, message);
      else this.counters.ignored += 1;
    }
  }

  #send({ allocation }: TurnClient, message: StunMessage): void {
    const peer = peersOf(message)[0];
    const data = attributeOf(message, ATTRIBUTE.data);
    if (allocation && peer && data && unknownOf(message).length === 0) allocation.fromIndication(peer, data);
    else this.counters.droppedUnpermitted += 1;
  }

  #request(client: TurnClient, message: StunMessage): void {
    const run = this.#methods[message.method];
    if (!run) return;
    const known = this.#authenticator.authenticate(message, client.way.remote);
    if (known.kind === 'malformed') return this.#refuse(client, message, 400);
    if (known.kind === 'challenge') return this.#challenge(client, message, known.code);
    const { allocation } = client;
    // What runs is not ended by its credentials' end (they are for beginning), and belongs to who began it.
    if (known.ended && !allocation) return this.#challenge(client, message, 401);
    if (allocation && message.method !== METHOD.allocate && allocation.user.username !== known.user.username)
      return this.#refuse(client, message, 441, known.key);
    const unknown = unknownOf(known.request);
    if (unknown.length > 0) return this.#answer(client, unknownAttributes(message, unknown, known.key), true);
    const outcome = run(client, known.request, known);
    if (typeof outcome === 'number') this.#refuse(client, message, outcome, known.key);
    else if (outcome instanceof Uint8Array) this.#answer(client, outcome, false);
    else if (outcome) this.#answer(client, success(message, outcome, known.key), false);
  }

  readonly #methods: Readonly<Record<number, (client: TurnClient, request: StunMessage, known: Known) => Outcome>> = {
    [METHOD.allocate]: (client, request, known) => this.#allocate(client, request, known),
    [METHOD.refresh]: (client, request) => this.#refresh(client, request),
    [METHOD.createPermission]: (client, request) => this.#permit(client, request),
    [METHOD.channelBind]: (client, request) => this.#bind(client, request),
  };

  /** Answered later, when the port is open; null therefore. */
  #allocate(client: TurnClient, request: StunMessage, { user, key }: Known): Outcome {
    const { way } = client;
    if (client.allocating) {
      if (!client.allocating.equals(request.transactionId)) return 437;
      return client.answer;
    }
    const transport = attributeOf(request, ATTRIBUTE.requestedTransport);
    if (transport?.length !== 4) return 400;
    if (transport[0] !== UDP) return 442;
    const family = familyAsked(request);
    if (family === null || !this.#ports.has(family)) return 440;
    const even = attributeOf(request, ATTRIBUTE.evenPort);
    // Ports are not kept for later, and no token was ever given.
    if ((even && (even[0] ?? 0) & 0x80) || attributeOf(request, ATTRIBUTE.reservationToken)) return 508;
    const lifetimeS = lifetimeAsked(request) || DEFAULT_LIFETIME_S;
    const place = this.#allocations.hold(user, way.remote);
    if (typeof place === 'number') return place;
    client.allocating = Buffer.from(request.transactionId);
    void this.#open(client, { user, key, family, even: even !== undefined, lifetimeS, place, request });
    return null;
  }

  async #open(client: TurnClient, asked: Known & { family: Family; even: boolean; lifetimeS: number; place: Place; request: StunMessage }) {
    const { user, key, family, even, lifetimeS, place, request } = asked;
    const { clock, limits } = this.#options;
    const { counters } = this;
    const { way } = client;
    const port = await this.#ports.open(family, even);
    if (!port || client.isGone || this.#closed) {
      if (port) await closeUdp(port.socket);
      place.free();
      client.clear();
      if (!client.isGone && !this.#closed) this.#refuse(client, request, 508, key);
      return;
    }
    const allocation = new Allocation({
      ...{ clock, limits, counters, way, user, key, family },
      socket: port.socket,
      relayed: { address: port.known.announced, port: port.port },
      deliver: (from, to, data) => {
        const other = this.#allocations.of(to);
        other?.fromPeer(data, from);
        return other !== undefined;
      },
      onEnd: (ended) => {
        this.#allocations.remove(ended);
        place.free();
        client.clear();
      },
    });
    this.#allocations.add(allocation);
    client.allocation = allocation;
    counters.allocations += 1;
    allocation.refresh(lifetimeS);
    const { address, port: relayedPort } = allocation.relayed;
    const relayed = xorMappedAddress(address, relayedPort, request.transactionId);
    const mapped = xorMappedAddress(way.remote.address, way.remote.port, request.transactionId);
    client.answer = success(
      request,
      [
        ...(relayed ? [{ type: ATTRIBUTE.xorRelayedAddress, value: relayed }] : []),
        { type: ATTRIBUTE.lifetime, value: uint32(lifetimeS) },
        ...(mapped ? [{ type: ATTRIBUTE.xorMappedAddress, value: mapped }] : []),
      ],
      key,
    );
    way.answer(client.answer);
  }

  #refresh({ allocation }: TurnClient, request: StunMessage): Outcome {
    if (!allocation) return 437;
    if (attributeOf(request, ATTRIBUTE.requestedAddressFamily) && familyAsked(request) !== allocation.family) return 443;
    const lifetimeS = lifetimeAsked(request);
    allocation.refresh(lifetimeS);
    return [{ type: ATTRIBUTE.lifetime, value: uint32(lifetimeS) }];
  }

  #permit({ allocation }: TurnClient, request: StunMessage): Outcome {
    if (!allocation) return 437;
    const asked = request.attributes.filter(({ type }) => type === ATTRIBUTE.xorPeerAddress).length;
    const peers = peersOf(request);
    if (asked === 0 || peers.length < asked) return 400;
    const verdicts = peers.map((peer) => this.#verdict(allocation, peer));
    const refusal = verdicts.find((verdict) => typeof verdict === 'number');
    if (refusal !== undefined) return refusal;
    if (!allocation.hasRoomFor(peers.map(({ address }) => address))) return 508;
    peers.forEach(({ address }, index) => allocation.permit(address, verdicts[index] === 'own-relay'));
    return [];
  }

  #bind({ allocation }: TurnClient, request: StunMessage): Outcome {
    if (!allocation) return 437;
    const channel = attributeOf(request, ATTRIBUTE.channelNumber);
    const peer = peersOf(request)[0];
    if (channel?.length !== 4 || !peer || peer.port === 0) return 400;
    const number = channel.readUInt16BE(0);
    if (number < CHANNELS.first || number > CHANNELS.last) return 400;
    const verdict = this.#verdict(allocation, peer);
    if (typeof verdict === 'number') return verdict;
    const bound = allocation.bind(number, peer, verdict === 'own-relay');
    return bound === 'bound' ? [] : bound === 'conflict' ? 400 : 508;
  }

  #verdict(allocation: Allocation, peer: Endpoint): 'open' | 'own-relay' | 403 | 443 {
    if ((peer.address.includes(':') ? 6 : 4) !== allocation.family) return 443;
    const verdict = this.#options.policy.verdict(peer.address);
    return verdict === 'refused' ? 403 : verdict;
  }

  /** Unsigned, and short: it goes to who has shown nothing. */
  #challenge(client: TurnClient, message: StunMessage, code: 401 | 438): void {
    const attributes = [
      errorAttribute(code),
      { type: ATTRIBUTE.realm, value: Buffer.from(REALM) },
      { type: ATTRIBUTE.nonce, value: Buffer.from(this.#authenticator.nonceFor(client.way.remote)) },
    ];
    const isFirst = !attributeOf(message, ATTRIBUTE.messageIntegrity);
    this.#answer(client, writeStun({ ...message, class: STUN_CLASS.error }, attributes), code === 401 && !isFirst);
  }

  #refuse(client: TurnClient, message: StunMessage, code: number, integrityKey?: Buffer): void {
    const attributes = [errorAttribute(code)];
    this.#answer(client, writeStun({ ...message, class: STUN_CLASS.error }, attributes, { integrityKey }), true);
  }

  #answer(client: TurnClient, answer: Buffer, isRefusal: boolean): void {
    if (isRefusal) this.counters.refused += 1;
    client.way.answer(answer);
  }
}

type Known = Pick<Extract<ReturnType<Authenticator['authenticate']>, { kind: 'known' }>, 'user' | 'key'>;
