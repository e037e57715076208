import type { Clock } from '../electron/base/clock.ts';
import { Emitter } from '../electron/base/emitter.ts';
import { asCoded, CodedError } from '../electron/base/errors.ts';
import type { Log } from '../electron/base/log.ts';
import { TokenBucket } from '../electron/base/token-bucket.ts';
import { fingerprintOf, type Identity } from '../peer/identity.ts';
import type { PunchBudget } from '../peer/nat/punch-budget.ts';
import type { NatSummary } from '../peer/nat/report.ts';
import { appMessage, type ReadAppMessage, type WrittenCameraMessage } from '../peer/pairing/channel-messages.ts';
import { tidyName } from '../peer/pairing/invite.ts';
import { CameraSession } from '../peer/session/camera-session.ts';
import { SESSION_TIMES, type SessionTimes } from '../peer/session/session-core.ts';
import type { IceOptions } from '../peer/path/ice-gather.ts';
import type { PathOffer } from '../peer/path/path-messages.ts';
import type { TurnServer } from '../peer/path/turn-client.ts';
import { NO_ICE_SERVERS, type IceServers } from '../peer/signaling/ice-servers.ts';
import { RendezvousClient } from '../peer/signaling/rendezvous-client.ts';
import { parseJson } from '../peer/signaling/rendezvous-messages.ts';
import type { SecureChannel } from '../peer/signaling/secure-channel.ts';
import { SecureListener } from '../peer/signaling/secure-listener.ts';
import type { PairingStore } from './pairing-store.ts';

export interface CameraPeerOptions {
  readonly identity: Identity;
  readonly name: string;
  readonly rendezvous: readonly string[];
  /** Where its own rendezvous for this network is (`LanEndpoint`); null or left out when there is none. */
  readonly lan?: string | null;
  readonly stun: readonly string[];
  readonly turn: readonly TurnServer[];
  readonly icePolicy: 'all' | 'relay';
  readonly pairing: PairingStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly times?: SessionTimes;
  /** What is known of the camera's own NAT. */
  readonly nat?: () => NatSummary | null;
  readonly mapPort?: IceOptions['mapPort'];
  readonly punchBudget?: () => Partial<PunchBudget>;
}

/** Sessions at a time, being set up or running; and those of one app, of which a newer one ends the oldest. */
const MAX_SESSIONS = 16;
const MAX_SESSIONS_OF_APP = 3;
/** Lines of the log about who was refused, a second and at once: strangers must not fill a disk with them. */
const REFUSALS = { perSecond: 0.2, burst: 20 };

interface Held {
  readonly session: CameraSession;
  readonly app: string;
}

/** Whose identity is proven, by a handshake with this hash. */
type Asker = Pick<SecureChannel, 'remotePublicKey' | 'handshakeHash'>;

interface End {
  readonly client: RendezvousClient;
  readonly listener: SecureListener;
  /** As this rendezvous offered them last: a session may outlive its registration. */
  servers: IceServers;
}

/** The camera at its rendezvous: pairs apps that know an invite, opens sessions with paired ones. */
export class CameraPeer {
  /** A viewer is there and wants media. */
  readonly viewer = new Emitter<{ readonly session: CameraSession; readonly fingerprint: string }>();
  /** An invite was used up. */
  readonly paired = new Emitter<{ readonly fingerprint: string; readonly name: string }>();
  /** A rendezvous names other STUN servers than before. */
  readonly serversChanged = new Emitter<void>();
  readonly #options: CameraPeerOptions;
  readonly #ends: readonly End[];
  /** In order of their offers. */
  readonly #sessions = new Set<Held>();
  readonly #refusals: TokenBucket;
  #opening = 0;
  #closed = false;

  constructor(options: CameraPeerOptions) {
    this.#options = options;
    const { identity, pairing, clock, log, rendezvous, lan = null } = options;
    this.#refusals = new TokenBucket(clock, REFUSALS.perSecond, REFUSALS.burst);
    this.#ends = [...rendezvous, ...(lan === null ? [] : [lan])].map((url) => {
      const client = new RendezvousClient({ url, addressKey: identity.addressKey, clock, log });
      const listener: SecureListener = new SecureListener({
        client,
        identity,
        clock,
        log,
        isKnown: (noisePublicKey) => pairing.isPairedNoiseKey(noisePublicKey),
        // One question and its answer: nobody can keep the camera busy over a channel that cost one handshake.
        onChannel: (channel, question) => void this.#answer(channel, question).finally(() => listener.drop(channel)),
      });
      const end: End = { client, listener, servers: NO_ICE_SERVERS };
      client.state.on((state) => {
        if (state.kind !== 'registered') return;
        const before = end.servers.stun.join();
        end.servers = state.ice;
        if (state.ice.stun.join() !== before) this.serversChanged.emit();
      });
      return end;
    });
  }

  start(): void {
    for (const { client } of this.#ends) client.start();
  }

  /** Resolves when an app that has an invite would find the camera, at the first rendezvous that answers; at the latest after `withinMs`. */
  async reachable(withinMs: number): Promise<void> {
    // Its own is there at once, and says nothing of the others.
    const ends = this.#ends.filter(({ client }, _index, all) => client.url !== this.#options.lan || all.length === 1);
    await Promise.any(ends.map(({ client }) => client.registered(withinMs))).catch(() => {});
  }

  /** STUN servers that are known, `stun:host:port`. */
  get stun(): readonly string[] {
    return [...new Set([...this.#options.stun, ...this.#ends.flatMap(({ servers }) => servers.stun)])];
  }

  /** Whether any rendezvous on the internet is reached now; null where there is none to reach. */
  get isRegistered(): boolean | null {
    const outside = this.#ends.filter(({ client }) => client.url !== this.#options.lan);
    return outside.length === 0 ? null : outside.some(({ client }) => client.current.kind === 'registered');
  }

  /** The machine's network has changed, or it woke: what was connected may not be any more. */
  networkChanged(): void {
    for (const { client } of this.#ends) client.check();
    for (const { session } of this.#sessions) session.networkChanged();
  }

  /** More is known of the camera's own NAT. */
  natChanged(): void {
    for (const { session } of this.#sessions) session.tellNat();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { listener } of this.#ends) listener.close();
    await Promise.all([...this.#sessions].map(({ session }) => session.close('closed', 'The camera is being switched off.')));
    for (const { client } of this.#ends) client.close();
    this.viewer.clear();
    this.paired.clear();
    this.serversChanged.clear();
  }

  async #answer(channel: SecureChannel, text: string): Promise<void> {
    const reply = await this.reply(channel, parseJson(appMessage, text));
    if (!this.#closed) channel.send(reply);
  }

  /**
   * The answer to a message of an app whose identity is proven. Never throws: what goes wrong is told to the app, in a code and
   * a sentence.
   * @param message null for what is none
   * @param iceMs how long a session that is offered waits for the app, where that is not at once
   */
  async reply(asker: Asker, message: ReadAppMessage | null, iceMs?: number): Promise<WrittenCameraMessage> {
    try {
      if (!message) throw new CodedError('protocol-error', 'The camera does not understand the app: update both programs.');
      return await this.#reply(asker, message, iceMs);
    } catch (error) {
      const coded = asCoded(error);
      if (this.#refusals.take())
        this.#options.log.warn('app refused', { app: fingerprintOf(asker.remotePublicKey), code: coded.code, why: coded.message });
      const refusal = coded.code === 'internal' ? 'The camera failed to answer.' : coded.message;
      return { type: 'refused', code: coded.code, text: refusal.slice(0, 512) };
    }
  }

  async #reply(asker: Asker, message: ReadAppMessage, iceMs?: number): Promise<WrittenCameraMessage> {
    switch (message.type) {
      case 'pair':
        return this.#pair(asker, message);
      case 'offer':
        return this.#offer(asker, message, iceMs);
      case 'path':
        return this.#path(asker, message.session, message.offer);
    }
  }

  #pair(asker: Asker, message: { invite: string; proof: string; name: string }): WrittenCameraMessage {
    const appName = tidyName(message.name) || 'Keyhole';
    const isNew = this.#options.pairing.pair({
      appPublicKey: asker.remotePublicKey,
      appName,
      invite: message.invite,
      proof: Buffer.from(message.proof, 'base64url'),
      handshakeHash: asker.handshakeHash,
    });
    const fingerprint = fingerprintOf(asker.remotePublicKey);
    if (isNew) this.#options.log.info('paired with an app', { app: fingerprint, name: appName });
    if (isNew) this.paired.emit({ fingerprint, name: appName });
    return { type: 'paired', name: this.#options.name };
  }

  /** Another path for a session that runs: only its own app may ask for it. */
  async #path(asker: Asker, id: string, offer: PathOffer): Promise<WrittenCameraMessage> {
    const app = asker.remotePublicKey.toString('base64url');
    const held = [...this.#sessions].find(({ session, app: of }) => of === app && session.id === id);
    if (!held) throw new CodedError('not-found', 'The camera has no such session: it was started anew, or has let go of it.');
    return { type: 'path', answer: await held.session.answerPath(offer) };
  }

  /** All servers that any rendezvous offers, after those of the command line. */
  #ice(): IceOptions {
    const { turn, icePolicy, mapPort, nat } = this.#options;
    const offered = this.#ends.map(({ servers }) => servers);
    return {
      // Where no UDP gets out nobody answers, and waiting for that takes a second.
      stun: nat?.()?.classical === 'udp-blocked' ? [] : this.stun,
      turn: [...turn, ...offered.flatMap((servers) => servers.turn)],
      policy: icePolicy,
      ...(mapPort ? { mapPort } : {}),
    };
  }

  async #offer(asker: Asker, message: Extract<ReadAppMessage, { type: 'offer' }>, iceMs?: number): Promise<WrittenCameraMessage> {
    const { pairing, identity, clock, log, times, nat, punchBudget } = this.#options;
    if (!pairing.isPaired(asker.remotePublicKey)) {
      throw new CodedError('not-paired', 'The camera is not paired with this app: add it again with an invite that the camera shows.');
    }
    if (!message.relay && this.#options.icePolicy === 'relay') {
      const text = 'The camera is set to be reached through a relay only (--ice-policy relay), and the app may not use one.';
      throw new CodedError('relay-not-allowed', text);
    }
    const app = asker.remotePublicKey.toString('base64url');
    const own = [...this.#sessions].filter((held) => held.app === app);
    if (this.#sessions.size + this.#opening >= MAX_SESSIONS && own.length < MAX_SESSIONS_OF_APP)
      throw new CodedError('too-busy', 'The camera has as many viewers as it can serve: try again later.');
    this.#opening += 1;
    const session = await CameraSession.create({
      identity,
      remotePublicKey: asker.remotePublicKey,
      handshakeHash: asker.handshakeHash,
      ice: () => this.#ice(),
      relay: message.relay,
      ...(nat ? { nat } : {}),
      ...(punchBudget ? { punchBudget } : {}),
      clock,
      log: log.child('session'),
      times: { ...(times ?? SESSION_TIMES), ...(iceMs === undefined ? {} : { iceMs }) },
    }).finally(() => (this.#opening -= 1));
    const held: Held = { session, app };
    this.#sessions.add(held);
    this.#makeRoom(app);
    const fingerprint = fingerprintOf(asker.remotePublicKey);
    session.closed.on((error) => {
      this.#sessions.delete(held);
      log.info('session over', { app: fingerprint, code: error.code, why: error.message });
    });
    // The path may be dead because the camera's own network is: then its rendezvous connections are, too.
    session.consentChanged.on((state) => {
      if (state !== 'fresh') for (const { client } of this.#ends) client.check();
    });
    session.ready.on(() => {
      this.#replace(held);
      this.viewer.emit({ session, fingerprint });
    });
    if (this.#closed) await session.close();
    try {
      const { sdp, reliableHandshake } = message;
      const known = nat?.();
      return { type: 'answer', sdp: await session.accept(sdp, reliableHandshake), reliableHandshake, ...(known ? { nat: known } : {}) };
    } catch (error) {
      throw new CodedError('protocol-error', 'The offer of the app makes no sense to the camera: update both programs.', { cause: error });
    }
  }

  /** An app has one session, and now and then others that are being set up or whose end has not been noticed yet. */
  #makeRoom(app: string): void {
    const own = [...this.#sessions].filter((held) => held.app === app);
    for (const { session } of own.slice(0, -MAX_SESSIONS_OF_APP)) {
      void session.close('too-busy', 'The app began too many sessions at once.');
    }
  }

  /** An app that comes anew has lost its former session. Only a proven one may say so. */
  #replace(held: Held): void {
    for (const other of [...this.#sessions]) {
      if (other !== held && other.app === held.app && other.session.isReady) {
        void other.session.close(
          'conflict',
          'The app opened a newer session: two programs with the same data folder, or a copy of it, cannot both watch.',
        );
      }
    }
  }
}
