import type { Clock } from '../electron/base/clock.ts';
import { Emitter } from '../electron/base/emitter.ts';
import { asCoded, CodedError } from '../electron/base/errors.ts';
import type { Log } from '../electron/base/log.ts';
import { TokenBucket } from '../electron/base/token-bucket.ts';
import { fingerprintOf, type Identity } from '../peer/identity.ts';
import { appMessage, type CameraMessage } from '../peer/pairing/channel-messages.ts';
import { tidyName } from '../peer/pairing/invite.ts';
import { CameraSession } from '../peer/session/camera-session.ts';
import type { SessionTimes } from '../peer/session/session-core.ts';
import type { TurnServer } from '../peer/session/connection.ts';
import { RendezvousClient } from '../peer/signaling/rendezvous-client.ts';
import { parseJson } from '../peer/signaling/rendezvous-messages.ts';
import type { SecureChannel } from '../peer/signaling/secure-channel.ts';
import { SecureListener } from '../peer/signaling/secure-listener.ts';
import type { PairingStore } from './pairing-store.ts';

export interface CameraPeerOptions {
  readonly identity: Identity;
  readonly name: string;
  readonly rendezvous: readonly string[];
  readonly stun: readonly string[];
  readonly turn: readonly TurnServer[];
  readonly icePolicy: 'all' | 'relay';
  readonly pairing: PairingStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly times?: SessionTimes;
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

/** The camera at its rendezvous: pairs apps that know an invite, opens sessions with paired ones. */
export class CameraPeer {
  /** A viewer is there and wants media. */
  readonly viewer = new Emitter<{ readonly session: CameraSession; readonly fingerprint: string }>();
  /** An invite was used up. */
  readonly paired = new Emitter<{ readonly fingerprint: string; readonly name: string }>();
  readonly #options: CameraPeerOptions;
  readonly #ends: { readonly client: RendezvousClient; readonly listener: SecureListener }[];
  /** In order of their offers. */
  readonly #sessions = new Set<Held>();
  readonly #refusals: TokenBucket;
  #opening = 0;
  #closed = false;

  constructor(options: CameraPeerOptions) {
    this.#options = options;
    const { identity, pairing, clock, log } = options;
    this.#refusals = new TokenBucket(clock, REFUSALS.perSecond, REFUSALS.burst);
    this.#ends = options.rendezvous.map((url) => {
      const client = new RendezvousClient({ url, addressKey: identity.addressKey, clock, log });
      const listener: SecureListener = new SecureListener({
        client,
        identity,
        clock,
        log,
        isKnown: (noisePublicKey) => pairing.isPairedNoiseKey(noisePublicKey),
        // One question and its answer: nobody can keep the camera busy over a channel that cost one handshake.
        onChannel: (channel, question) => void this.#answer(channel, client, question).finally(() => listener.drop(channel)),
      });
      return { client, listener };
    });
  }

  start(): void {
    for (const { client } of this.#ends) client.start();
  }

  /** Resolves when an app that has an invite would find the camera, at the first rendezvous that answers; at the latest after `withinMs`. */
  async reachable(withinMs: number): Promise<void> {
    await Promise.any(this.#ends.map(({ client }) => client.registered(withinMs))).catch(() => {});
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { listener } of this.#ends) listener.close();
    await Promise.all([...this.#sessions].map(({ session }) => session.close('closed', 'The camera is being switched off.')));
    for (const { client } of this.#ends) client.close();
    this.viewer.clear();
    this.paired.clear();
  }

  /** Never throws: what goes wrong is told to the app, in a code and a sentence. */
  async #answer(channel: SecureChannel, client: RendezvousClient, text: string): Promise<void> {
    const { log } = this.#options;
    const message = parseJson(appMessage, text);
    try {
      if (!message) throw new CodedError('protocol-error', 'The camera does not understand the app: update both programs.');
      const reply = message.type === 'pair' ? this.#pair(channel, message) : await this.#offer(channel, client, message.sdp);
      if (!this.#closed) channel.send(reply);
    } catch (error) {
      const coded = asCoded(error);
      if (this.#refusals.take())
        log.warn('app refused', { app: fingerprintOf(channel.remotePublicKey), code: coded.code, why: coded.message });
      const refusal = coded.code === 'internal' ? 'The camera failed to answer.' : coded.message;
      if (!this.#closed) channel.send({ type: 'refused', code: coded.code, text: refusal.slice(0, 512) } satisfies CameraMessage);
    }
  }

  #pair(channel: SecureChannel, message: { invite: string; proof: string; name: string }): CameraMessage {
    const appName = tidyName(message.name) || 'Keyhole';
    const isNew = this.#options.pairing.pair({
      appPublicKey: channel.remotePublicKey,
      appName,
      invite: message.invite,
      proof: Buffer.from(message.proof, 'base64url'),
      handshakeHash: channel.handshakeHash,
    });
    const fingerprint = fingerprintOf(channel.remotePublicKey);
    if (isNew) this.#options.log.info('paired with an app', { app: fingerprint, name: appName });
    if (isNew) this.paired.emit({ fingerprint, name: appName });
    return { type: 'paired', name: this.#options.name };
  }

  async #offer(channel: SecureChannel, client: RendezvousClient, sdp: string): Promise<CameraMessage> {
    const { pairing, identity, stun, turn, icePolicy, clock, log, times } = this.#options;
    if (!pairing.isPaired(channel.remotePublicKey)) {
      throw new CodedError('not-paired', 'The camera is not paired with this app: add it again with an invite that the camera shows.');
    }
    const app = channel.remotePublicKey.toString('base64url');
    const own = [...this.#sessions].filter((held) => held.app === app);
    if (this.#sessions.size + this.#opening >= MAX_SESSIONS && own.length < MAX_SESSIONS_OF_APP)
      throw new CodedError('too-busy', 'The camera has as many viewers as it can serve: try again later.');
    const offered = client.current.kind === 'registered' ? client.current.stunUrls : [];
    this.#opening += 1;
    const session = await CameraSession.create({
      identity,
      remotePublicKey: channel.remotePublicKey,
      handshakeHash: channel.handshakeHash,
      ice: { stun: [...stun, ...offered], turn, policy: icePolicy },
      clock,
      log: log.child('session'),
      ...(times ? { times } : {}),
    }).finally(() => (this.#opening -= 1));
    const held: Held = { session, app };
    this.#sessions.add(held);
    this.#makeRoom(app);
    const fingerprint = fingerprintOf(channel.remotePublicKey);
    session.closed.on((error) => {
      this.#sessions.delete(held);
      log.info('session over', { app: fingerprint, code: error.code, why: error.message });
    });
    session.ready.on(() => {
      this.#replace(held);
      this.viewer.emit({ session, fingerprint });
    });
    if (this.#closed) await session.close();
    try {
      return { type: 'answer', sdp: await session.accept(sdp) };
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
