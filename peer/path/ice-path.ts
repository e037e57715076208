import type { Socket } from 'node:dgram';
import { CandidatePairState, Connection, StunProtocol, type CandidatePair } from 'werift';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import type { CodedError } from '../../electron/base/errors.ts';
import type { Log } from '../../electron/base/log.ts';
import { isPublic } from '../nat/addresses.ts';
import { Consent, type ConsentState } from './consent.ts';
import { hostAddresses } from './host-addresses.ts';
import { parseCandidate } from './candidate.ts';
import type { IceDescription } from './ice-description.ts';
import { gatherCandidates, type IceOptions, type MappedPort } from './ice-gather.ts';
import { adoptProtocol, candidateOf, checkPair, enlargeSocketBuffers, pairAgain, requireStunIntegrity } from './ice-library.ts';
import { pairReports, selectedPair, type PairReport, type SelectedPair } from './selected-pair.ts';
import { PunchedSocket } from './punched-socket.ts';

export type IcePathState = 'new' | 'checking' | 'connected' | 'closed';

/** Relay candidates are tried this much later than the others, ms: a direct path would have answered by then. */
const RELAY_HOLD_MS = 500;
/** The library tries a pair for 1.55 s; the other end may begin seconds later, so that pairs which failed are tried again this often, ms. */
const RETRY_MS = 1_000;
/** Pairs that are asked for consent when the selected one does not answer. */
const MAX_SPARE = 8;

/**
 * One path to the other end: an ICE agent (RFC 8445) of the library's with its own sockets and credentials, used for one
 * generation. An ICE restart is another `IcePath`, so that the old one works until the new one does.
 */
export class IcePath {
  readonly state = new Emitter<IcePathState>();
  readonly data = new Emitter<Buffer>();
  readonly consentChanged: Emitter<ConsentState>;
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #policy: IceOptions['policy'];
  readonly #consent: Consent;
  #mapped: readonly MappedPort[] = [];
  /** Why there is no relay, when one was wanted. */
  #relayFailure: CodedError | null = null;
  #holding = false;
  #timers: Timer[] = [];
  #current: IcePathState = 'new';
  #sentBytes = 0;
  #receivedBytes = 0;

  private constructor(controlling: boolean, policy: IceOptions['policy'], clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.#policy = policy;
    this.#connection = new Connection(controlling, {
      useIpv4: false,
      useIpv6: false,
      additionalHostAddresses: policy === 'relay' ? [] : hostAddresses(),
      filterCandidatePair: (pair) => this.#admits(pair),
    });
    // Without one of our own the library asks a public server that is built in; we ask ours ourselves.
    Reflect.set(this.#connection, 'stunServer', undefined);
    requireStunIntegrity(this.#connection);
    this.#consent = new Consent({ clock, check: () => this.#checkConsent() });
    this.consentChanged = this.#consent.changed;
    Reflect.set(this.#connection, 'queryConsent', () => this.#consent.start());
    this.#connection.onData.subscribe((data) => {
      this.#receivedBytes += data.length;
      this.data.emit(data);
    });
  }

  /** Opens sockets and learns their candidates (RFC 8445 §5.1). Never fails: a path without candidates is one that will not connect. */
  static async gather(controlling: boolean, ice: IceOptions, clock: Clock, log: Log): Promise<IcePath> {
    const path = new IcePath(controlling, ice.policy, clock, log);
    const { mapped, relayFailure } = await gatherCandidates(path.#connection, ice, clock, log);
    path.#mapped = mapped;
    path.#relayFailure = relayFailure;
    return path;
  }

  /** A path without sockets of its own: it gets one by `adopt`, that was found otherwise (hole punching). */
  static bare(controlling: boolean, clock: Clock, log: Log): IcePath {
    return new IcePath(controlling, 'direct', clock, log);
  }

  /** Takes a bound socket over, with its listeners, until `close`. To be called before `connect`. */
  adopt(socket: Socket): void {
    if (this.#current !== 'new') return void socket.close();
    const protocol = new StunProtocol();
    const wire = new PunchedSocket(socket);
    // Its interface has the library's own class here; what is used of it is what we have.
    Reflect.set(protocol, 'transport', wire);
    adoptProtocol(this.#connection, protocol, candidateOf('srflx', hostAddresses()[0] ?? '127.0.0.1', wire.address.port));
    this.#connection.localCandidatesEnd = true;
    // By name, as it was replaced by one that takes nothing from strangers.
    wire.onData = (data, from) => void Reflect.apply(Reflect.get(protocol, 'datagramReceived'), protocol, [data, from]);
  }

  get current(): IcePathState {
    return this.#current;
  }

  get consent(): ConsentState {
    return this.#consent.state;
  }

  get relayFailure(): CodedError | null {
    return this.#relayFailure;
  }

  /** Whether the address that it sends from has left this machine. */
  isLocalAddressGone(): boolean {
    const local = this.#connection.nominated?.localCandidate;
    return local?.type === 'host' && !hostAddresses().includes(local.host);
  }

  /** Whether the router was asked for a way in, and gave one. */
  get usesMappedPort(): boolean {
    return this.#mapped.length > 0;
  }

  get bytes(): { readonly sent: number; readonly received: number } {
    return { sent: this.#sentBytes, received: this.#receivedBytes };
  }

  get pair(): SelectedPair | null {
    return selectedPair(this.#connection);
  }

  get pairs(): readonly PairReport[] {
    return pairReports(this.#connection);
  }

  /** What the other end is to be told. */
  get description(): IceDescription {
    const { localUsername, localPassword, localCandidates } = this.#connection;
    return { ufrag: localUsername, pwd: localPassword, candidates: localCandidates.map((candidate) => candidate.toSdp()) };
  }

  /** Begins the connectivity checks (RFC 8445 §6.1.4). Whether they succeed is told by `state`; they go on until `close`. */
  connect(remote: IceDescription): void {
    if (this.#current !== 'new') return;
    this.#set('checking');
    const connection = this.#connection;
    connection.setRemoteParams({ iceLite: false, usernameFragment: remote.ufrag, password: remote.pwd });
    const candidates = remote.candidates.flatMap((line) => parseCandidate(line) ?? []);
    this.#holding = this.#policy === 'all';
    for (const candidate of candidates) void connection.addRemoteCandidate(candidate);
    if (this.#holding) this.#after(RELAY_HOLD_MS, () => this.#releaseRelay());
    this.#retry();
    connection.connect().then(
      () => {
        if (this.#current !== 'checking') return;
        enlargeSocketBuffers(connection);
        this.#set('connected');
      },
      (error: unknown) => this.#log.debug('checks ended', { error: String(error) }),
    );
  }

  /** Sends on the selected pair; nothing without one, or without consent (RFC 7675 §5.1). */
  send(data: Buffer): void {
    const pair = this.#connection.nominated;
    if (!pair || this.#consent.state === 'lost' || this.#current === 'closed') return;
    this.#sentBytes += data.length;
    pair.protocol.sendData(data, pair.remoteAddr).catch(() => {});
  }

  /** Somebody suspects that it is dead: asks at once. */
  hurry(): void {
    this.#consent.hurry();
  }

  async close(): Promise<void> {
    if (this.#current === 'closed') return;
    this.#set('closed');
    this.#consent.close();
    for (const timer of this.#timers) timer.cancel();
    this.state.clear();
    this.data.clear();
    for (const mapped of this.#mapped) void Promise.resolve(mapped.close()).catch(() => {});
    await this.#connection.close().catch((error: unknown) => this.#log.debug('closing a path failed', { error: String(error) }));
  }

  #admits({ localCandidate: local, remoteCandidate: remote }: CandidatePair): boolean {
    const relayed = local.type === 'relay' || remote.type === 'relay';
    if (relayed && (this.#policy === 'direct' || this.#holding)) return false;
    if (this.#policy === 'relay' && local.type !== 'relay') return false;
    // A relay does not reach the private addresses behind the other end's router, and asking it for each costs a round trip.
    return !(local.type === 'relay' && remote.type === 'host' && !isPublic(remote.host) && isPublic(local.host));
  }

  #releaseRelay(): void {
    if (this.#current !== 'checking') return;
    this.#holding = false;
    pairAgain(this.#connection);
  }

  #retry(): void {
    this.#after(RETRY_MS, () => {
      if (this.#current !== 'checking') return;
      for (const pair of this.#connection.candidatePairs) {
        if (pair.state === CandidatePairState.FAILED) pair.updateState(CandidatePairState.WAITING);
      }
      this.#retry();
    });
  }

  #after(ms: number, run: () => void): void {
    this.#timers = this.#timers.slice(-8);
    this.#timers.push(this.#clock.setTimeout(run, ms));
  }

  /**
   * Asks on the selected pair; in doubt also on the others that worked, and goes over to the first that answers: the other
   * end's NAT may have given it another port, from which its own checks came.
   */
  #checkConsent(): void {
    const connection = this.#connection;
    const selected = connection.nominated;
    if (!selected || this.#current !== 'connected') return;
    const worked = ({ state }: CandidatePair) => state === CandidatePairState.SUCCEEDED;
    const spare = this.#consent.state === 'fresh' ? [] : connection.candidatePairs.filter((pair) => pair !== selected && worked(pair));
    for (const pair of [selected, ...spare.slice(-MAX_SPARE)]) {
      checkPair(connection, pair, 1_500).then(
        (rttMs) => {
          if (this.#current !== 'connected') return;
          pair.rtt = rttMs / 1000;
          if (pair !== connection.nominated && this.#consent.state !== 'fresh') connection.nominated = pair;
          if (pair === connection.nominated) this.#consent.answered();
        },
        () => {}, // unanswered: the consent counts the time
      );
    }
  }

  #set(state: IcePathState): void {
    this.#current = state;
    this.state.emit(state);
  }
}
