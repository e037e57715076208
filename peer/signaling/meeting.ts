import type { Clock, Timer } from '../../electron/base/clock.ts';
import { asCoded, CodedError, type ErrorCode } from '../../electron/base/errors.ts';
import type { Log } from '../../electron/base/log.ts';
import { freshAddressKey, type Identity } from '../identity.ts';
import { NO_ICE_SERVERS, type IceServers } from './ice-servers.ts';
import { linkOf, type SignalingLink } from './link.ts';
import { RendezvousClient } from './rendezvous-client.ts';
import { openChannel, type SecureChannel } from './secure-channel.ts';

/** What finds cameras on the networks of this machine (LanBrowser). */
export interface LanFinder {
  /** Calls `found` with each URL at which the camera with this address is said to be, also later ones, until the returned function is called. */
  find(address: string, found: (url: string) => void): () => void;
}

export interface MeetOptions {
  /** ws:// or wss:// URLs, the favourite first; none: the camera is met on this network only. */
  readonly rendezvous: readonly string[];
  /** Pinned: an answer by anybody else is refused. */
  readonly camera: { readonly publicKey: Uint8Array; readonly address: string };
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Log;
  /** For each of the two steps at each rendezvous (being registered, the channel), ms. */
  readonly timeoutMs: number;
  /** Null or left out: nobody looks for the camera on this network. */
  readonly lan?: LanFinder | null;
  readonly signal?: AbortSignal;
}

export interface Meeting {
  /** Proven: the camera's answer to this very handshake has come. */
  readonly channel: SecureChannel;
  readonly link: SignalingLink;
  readonly client: RendezvousClient;
  /** The servers for ICE that the rendezvous offers; none where the camera was met on this network. */
  readonly ice: IceServers;
  /** URL of the rendezvous, or of the camera on this network. */
  readonly via: string;
  readonly kind: 'rendezvous' | 'lan';
  /** Idempotent. The channel is lost with it. */
  close(): void;
}

/** The others are asked this much later than the favourite, ms, or at once when it has failed: most often it is not needed. */
const STAGGER_MS = 250;
/** How long a camera is looked for on this network once no rendezvous is left, counted from the beginning, ms. */
const LAN_MS = 3_000;
/** Places on this network that are tried in one meeting: anybody there can name some. */
const MAX_LAN_PLACES = 8;

/**
 * Failures after which another place is tried. What the camera itself said is final; a rendezvous that does not reach it, or
 * lies about it, must not hide it from who can meet it at another.
 */
export const ANOTHER_MAY_DO: ReadonlySet<ErrorCode> = new Set(['rendezvous-unreachable', 'peer-absent', 'identity-mismatch']);

/** Of what several places came to, what a person should hear of: somebody in between, a rendezvous that works, else the last. */
export const weightiest = (failures: readonly CodedError[]): CodedError | undefined =>
  failures.find(({ code }) => code === 'identity-mismatch') ?? failures.find(({ code }) => code === 'peer-absent') ?? failures.at(-1);

/**
 * Races the rendezvous of a camera, and what is said of it on this network, for the first proven channel; the others are let go.
 * @throws CodedError the weightiest of `identity-mismatch`, `peer-absent` and `rendezvous-unreachable`; `closed` when aborted
 */
export function meet(options: MeetOptions): Promise<Meeting> {
  return new Race(options).run();
}

class Race {
  readonly #options: MeetOptions;
  /** Not begun yet. */
  #waiting: readonly string[];
  readonly #running = new Map<string, RendezvousClient>();
  readonly #failures: CodedError[] = [];
  readonly #timers: Timer[] = [];
  #lanPlaces = 0;
  /** The network is still listened to. */
  #listening = false;
  #stopListening: () => void = () => {};
  #over = false;
  #settle: { resolve: (meeting: Meeting) => void; reject: (error: CodedError) => void } = { resolve: () => {}, reject: () => {} };

  constructor(options: MeetOptions) {
    this.#options = options;
    this.#waiting = [...new Set(options.rendezvous)];
  }

  run(): Promise<Meeting> {
    const { lan, camera, clock, timeoutMs, signal } = this.#options;
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#end(() => reject(new CodedError('closed', 'The camera is being closed.')));
      const settled = (settle: () => void) => {
        signal?.removeEventListener('abort', onAbort);
        settle();
      };
      this.#settle = { resolve: (meeting) => settled(() => resolve(meeting)), reject: (error) => settled(() => reject(error)) };
      signal?.addEventListener('abort', onAbort);
      if (signal?.aborted) return onAbort();
      const [favourite, ...others] = this.#waiting;
      this.#listening = !!lan;
      this.#waiting = others;
      if (favourite !== undefined) this.#begin(favourite, 'rendezvous');
      if (others.length > 0) this.#timers.push(clock.setTimeout(() => this.#beginOthers(), STAGGER_MS));
      if (lan) {
        const listenMs = favourite === undefined ? timeoutMs : Math.min(LAN_MS, timeoutMs);
        this.#timers.push(clock.setTimeout(() => this.#listenNoMore(), listenMs));
        this.#stopListening = lan.find(camera.address, (url) => this.#onLan(url));
      }
      this.#giveUpWhenNothingIsLeft();
    });
  }

  #onLan(url: string): void {
    if (this.#over || this.#lanPlaces >= MAX_LAN_PLACES || this.#running.has(url)) return;
    this.#lanPlaces += 1;
    this.#begin(url, 'lan');
  }

  #beginOthers(): void {
    const urls = this.#waiting;
    this.#waiting = [];
    for (const url of urls) this.#begin(url, 'rendezvous');
  }

  #begin(url: string, kind: Meeting['kind']): void {
    const { clock, log } = this.#options;
    const client = new RendezvousClient({ url, addressKey: freshAddressKey(), clock, log });
    this.#running.set(url, client);
    client.start();
    this.#reach(url, kind, client).then(
      (meeting) => {
        if (this.#over) return meeting.close();
        this.#running.delete(url);
        this.#end(() => this.#settle.resolve(meeting));
      },
      (error: unknown) => {
        client.close();
        if (this.#over) return;
        const failure = asCoded(error);
        log.debug('not met', { url, code: failure.code, why: failure.message });
        this.#running.delete(url);
        this.#failures.push(failure);
        if (kind === 'rendezvous') this.#beginOthers();
        this.#giveUpWhenNothingIsLeft();
      },
    );
  }

  async #reach(via: string, kind: Meeting['kind'], client: RendezvousClient): Promise<Meeting> {
    const { identity, camera, clock, timeoutMs } = this.#options;
    const { ice } = await client.registered(timeoutMs);
    const channel = await openChannel({ client, identity, remote: camera, clock, timeoutMs });
    const link = linkOf(channel, clock);
    return { channel, link, client, ice: kind === 'lan' ? NO_ICE_SERVERS : ice, via, kind, close: () => client.close() };
  }

  #listenNoMore(): void {
    this.#listening = false;
    this.#giveUpWhenNothingIsLeft();
  }

  #giveUpWhenNothingIsLeft(): void {
    if (this.#over || this.#running.size > 0 || this.#waiting.length > 0 || this.#listening) return;
    const absent = new CodedError(
      'peer-absent',
      'The camera is not found on this network, and no rendezvous is known for it: it is switched off, or in another network.',
    );
    this.#end(() => this.#settle.reject(weightiest(this.#failures) ?? absent));
  }

  /** Once: lets go of all that still runs. */
  #end(settle: () => void): void {
    if (this.#over) return;
    this.#over = true;
    for (const timer of this.#timers) timer.cancel();
    this.#stopListening();
    for (const client of this.#running.values()) client.close();
    this.#running.clear();
    settle();
  }
}
