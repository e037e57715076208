import type { Identity } from '../../../peer/identity.ts';
import type { PairedCamera } from '../../../peer/pairing/paired-camera.ts';
import type { SpoolAccess } from '../../../peer/session/bulk-client.ts';
import type { CameraControl } from '../../../peer/session/control-messages.ts';
import type { SessionTimes } from '../../../peer/session/session-core.ts';
import { ViewerSession } from '../../../peer/session/viewer-session.ts';
import { MeetingPlaces } from '../../../peer/signaling/meeting-places.ts';
import type { IceOptions } from '../../../peer/path/ice-gather.ts';
import { NO_ICE_SERVERS, type IceServers } from '../../../peer/signaling/ice-servers.ts';
import type { LanFinder, Meeting } from '../../../peer/signaling/meeting.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { asCoded, CodedError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { Backoff } from '../../base/retry.ts';
import type { CameraPath, CameraQuality, CameraState, Reason, SourcePathReport } from '../../contract/model.ts';
import { summaryOf } from '../../../peer/nat/report.ts';
import type { Reception, Source, SourceEvents } from '../source.ts';
import type { CameraContext } from '../surroundings.ts';
import { LossLog } from './loss-log.ts';
import { qualityInWords } from './quality-words.ts';
import { NO_LOSSES, Receiver, sumOf } from './receiver.ts';

export interface P2pSourceOptions {
  /** The app's own; the camera knows it by pairing. */
  readonly identity: Identity;
  readonly camera: PairedCamera;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: SourceEvents;
  /** Looks for the camera on this network too. */
  readonly lan?: LanFinder | null;
  /** A session that was agreed on already, by hand; asked before any attempt. */
  readonly takeSession?: () => ViewerSession | null;
  /** What else there is to know and to spend on a good way; without it, ICE and whatever relay the rendezvous offers. */
  readonly surroundings?: Pick<CameraContext, 'natMonitor' | 'punchBudget' | 'relay'> &
    Partial<Pick<CameraContext, 'mapPort' | 'stunServers'>>;
  readonly times?: Partial<P2pTimes>;
}

export interface P2pTimes {
  /** For each step at a rendezvous, ms. */
  readonly signalingMs: number;
  /** A camera that says it is live and sends no frame for this long gets a new session, ms. */
  readonly silenceMs: number;
  readonly session?: SessionTimes;
}

const TIMES: P2pTimes = { signalingMs: 6_000, silenceMs: 10_000 };
const POLL_MS = 50;
const STATUS_MS = 1_000;
/** Media that flowed for this long has proved the session: shorter ones, in a row, begin ever more slowly. */
const PROVED_MS = 5_000;
/** Another program with this app's identity took the session over: taking it back at once would go on for ever. */
const CONFLICT_MS = 30_000;
/** A session whose path is dead, while another is looked for. */
const PATH_LOST: Reason = { code: 'session-lost', text: 'The way to the camera broke: another one is being looked for.' };
/** Attempts that follow at once on a DTLS handshake that was lost, as it does not survive every lost packet. */
const QUICK_RETRIES = 3;

/** A camera reached peer to peer. Keeps one session with it, and comes back by itself. */
export class P2pSource implements Source {
  readonly #options: P2pSourceOptions;
  readonly #times: P2pTimes;
  readonly #backoff = new Backoff();
  readonly #conflicts = new Backoff({ firstMs: CONFLICT_MS, capMs: CONFLICT_MS });
  #state: CameraState = 'connecting';
  /** Null when live, and while the first attempt lasts. */
  #reason: Reason | null = null;
  #path: CameraPath | null = null;
  /** What the camera says of the picture it sends; null before it has said anything. */
  #quality: CameraQuality | null = null;
  #started = false;
  #closed = false;
  #running: Promise<void> = Promise.resolve();
  #timeline = 0;
  #quickRetries = 0;
  readonly #places: MeetingPlaces;
  /** As the last meeting had them. */
  #servers: IceServers = NO_ICE_SERVERS;
  #receiver: Receiver | null = null;
  /** Of sessions that are over. */
  #pastLosses = NO_LOSSES;
  /** Bytes over relays of sessions that are over. */
  #pastRelayed = 0;
  readonly #losses: LossLog;
  readonly #offs: (() => void)[] = [];
  readonly #stop = new AbortController();
  #session: ViewerSession | null = null;
  #wake: (() => void) | null = null;

  constructor(options: P2pSourceOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
    const { identity, camera, clock, log, lan = null } = options;
    this.#losses = new LossLog(clock, log, camera.name);
    const remote = { publicKey: Buffer.from(camera.publicKey, 'base64url'), address: camera.address };
    const timeoutMs = this.#times.signalingMs;
    this.#places = new MeetingPlaces({ rendezvous: camera.rendezvous, camera: remote, identity, clock, log, timeoutMs, lan });
  }

  start(): void {
    if (this.#started || this.#closed) return;
    this.#started = true;
    this.#report();
    const { natMonitor, relay } = this.#options.surroundings ?? {};
    if (natMonitor)
      this.#offs.push(
        natMonitor.networkChanged.on(() => this.retryNow()),
        natMonitor.changed.on(() => this.#session?.tellNat()),
      );
    if (relay) this.#offs.push(relay.changed.on(() => this.#onRelayPolicy()));
    this.#running = this.#run();
  }

  retryNow(): void {
    this.#backoff.reset();
    this.#session?.networkChanged();
    this.#wake?.();
  }

  spool(): SpoolAccess | null {
    const session = this.#session;
    // While the picture is not there, the way is its own.
    if (!session?.spool || this.#state !== 'live' || session.consent !== 'fresh' || !session.clockOffsetKnown) return null;
    const reader = session.readSpool();
    const { spool: state, clockOffsetMs, path } = session;
    return reader && { reader, state, clockOffsetMs, isRelayed: path?.kind === 'relay' };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const off of this.#offs.splice(0)) off();
    this.#wake?.();
    this.#stop.abort();
    await this.#session?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log, camera } = this.#options;
    while (!this.#closed) {
      let failure: CodedError;
      try {
        const session = await this.#connect();
        failure = await this.#watch(session);
      } catch (error) {
        failure = asCoded(error);
        if (failure.code === 'internal')
          log.error('session attempt failed', { camera: camera.name, error: failure.stack ?? failure.message });
      }
      this.#pastRelayed += this.#session?.relayedBytes ?? 0;
      this.#session = null;
      if (this.#closed) return;
      this.#path = null;
      this.#quality = null;
      const quick = failure.code === 'dtls-failed' && this.#quickRetries < QUICK_RETRIES;
      this.#quickRetries = quick ? this.#quickRetries + 1 : 0;
      const delayMs = quick ? 0 : (failure.code === 'conflict' ? this.#conflicts : this.#backoff).next();
      log.warn('no session', { camera: camera.name, code: failure.code, why: failure.message, retryMs: Math.round(delayMs) });
      // A session that was there is on its way back; one that could not be had is not.
      const reason = { code: failure.code, text: failure.message };
      this.#set(this.#state === 'live' ? 'connecting' : quick ? this.#state : 'offline', reason);
      if (delayMs > 0) await this.#sleep(clock, delayMs);
    }
  }

  /** @throws CodedError why there is no session */
  async #connect(): Promise<ViewerSession> {
    this.#session = this.#options.takeSession?.() ?? null;
    if (this.#session) {
      this.#session.begin();
      return this.#session;
    }
    // A session lives without the place where it was agreed on.
    return this.#places.use((meeting) => this.#connectAt(meeting), this.#stop.signal);
  }

  async #connectAt({ link, ice: servers }: Meeting): Promise<ViewerSession> {
    const { identity, clock, log, surroundings } = this.#options;
    const { signalingMs, session: times } = this.#times;
    this.#servers = servers;
    surroundings?.stunServers?.([...servers.stun, ...(servers.stunAlternate ? [servers.stunAlternate] : [])]);
    const session = await ViewerSession.create({
      identity,
      link,
      ice: () => this.#ice(),
      clock,
      log,
      answerMs: signalingMs,
      // The servers are handed out anew with each meeting: their credentials are for a time only.
      askAgain: (message) =>
        this.#places.use(async (meeting) => {
          this.#servers = meeting.ice;
          return meeting.link.ask(await message, signalingMs);
        }, this.#stop.signal),
      nat: () => this.#nat,
      punchBudget: () => {
        const punch = surroundings?.punchBudget();
        return punch?.enabled ? { probes: punch.probes, perSecond: punch.perSecond, timeoutMs: punch.seconds * 1000 } : null;
      },
      ...(times ? { times } : {}),
    });
    this.#session = session;
    if (this.#closed) await session.close();
    try {
      await session.connect();
    } catch (error) {
      const refusal = surroundings?.relay.refusal();
      // What the person can change says more than that ICE failed.
      if (refusal && error instanceof CodedError && error.code === 'ice-failed')
        throw new CodedError(refusal.code, refusal.text, { cause: error });
      throw error;
    }
    return session;
  }

  #ice(): IceOptions {
    const { relay, mapPort } = this.#options.surroundings ?? {};
    const { turn } = this.#servers;
    // Where no UDP gets out nobody answers, and waiting for that takes a second.
    const stun = this.#nat?.classical === 'udp-blocked' ? [] : this.#servers.stun;
    return { stun, turn, policy: relay?.allowed() === false ? 'direct' : 'all', ...(mapPort ? { mapPort } : {}) };
  }

  get #nat() {
    const report = this.#options.surroundings?.natMonitor.current;
    return report ? summaryOf(report) : null;
  }

  /** A session over a relay that it may not use any more ends; the next one is direct, or says why there is none. */
  #onRelayPolicy(): void {
    const refusal = this.#options.surroundings?.relay.refusal();
    if (refusal && this.#session?.path?.kind === 'relay') void this.#session.close(refusal.code, refusal.text);
    else if (!refusal) this.#wake?.();
  }

  /** Receives until the session is over; resolves to why. */
  #watch(session: ViewerSession): Promise<CodedError> {
    const { clock, events } = this.#options;
    if (session.over) return Promise.resolve(session.over);
    return new Promise((resolve) => {
      let cameraLive = true;
      let lastFrameAt = clock.monotonic();
      let liveAt: number | null = null;
      let damaged = 0;
      let poll: Timer | null = null;
      let status: Timer | null = null;
      const receiver = new Receiver({
        clock,
        nextTimeline: () => (this.#timeline += 1),
        clockOffsetMs: () => session.clockOffsetMs,
        requestKeyframe: (ssrc) => session.requestKeyframe(ssrc),
        repairMs: (ssrc) => session.repairMs(ssrc),
        forget: (ssrc) => session.forget(ssrc),
        unit: (unit) => {
          if (this.#closed) return;
          lastFrameAt = clock.monotonic();
          events.unit(unit);
          liveAt ??= lastFrameAt;
          if (lastFrameAt - liveAt >= PROVED_MS) {
            this.#backoff.reset();
            this.#quickRetries = 0;
          }
          if (this.#state === 'live' || unit.config.kind !== 'video' || !cameraLive) return;
          this.#path = session.path;
          this.#set('live', null);
        },
      });
      const onPoll = () => {
        receiver.poll();
        poll = clock.setTimeout(onPoll, POLL_MS);
      };
      const onStatus = () => {
        status = clock.setTimeout(onStatus, STATUS_MS);
        // Of a path that is dead nothing is known but that it was there.
        this.#path = session.consent === 'lost' ? null : session.path;
        this.#report();
        const { damagedFrames } = receiver.reception;
        this.#losses.add(damagedFrames - damaged);
        damaged = damagedFrames;
        if (session.consent !== 'fresh') lastFrameAt = clock.monotonic();
        else if (cameraLive && clock.monotonic() - lastFrameAt > this.#times.silenceMs) {
          void session.close('source-stalled', 'The camera is connected but sends no pictures.');
        }
      };
      this.#receiver = receiver;
      session.packets.on((packet) => receiver.push(packet));
      session.control.on((message) => {
        if (message.type === 'status') {
          cameraLive = message.state === 'live';
          lastFrameAt = clock.monotonic();
          this.#onCameraStatus(message);
        } else if (message.type === 'quality') {
          this.#quality = qualityInWords(message);
          this.#report();
        } else receiver.onControl(message);
      });
      session.consentChanged.on((state) => {
        if (state === 'lost') this.#path = null;
        if (state === 'lost') receiver.outage();
        if (state === 'lost' && this.#state === 'live') this.#set('connecting', PATH_LOST);
      });
      session.troubled.on(({ code, message }) => {
        const away = code === 'peer-absent' || code === 'rendezvous-unreachable';
        if (this.#state !== 'live') this.#set(away ? 'offline' : 'connecting', { code, text: message });
      });
      session.closed.on((error) => {
        this.#pastLosses = sumOf(this.#pastLosses, receiver.reception);
        this.#receiver = null;
        poll?.cancel();
        status?.cancel();
        resolve(error);
      });
      onPoll();
      onStatus();
    });
  }

  #onCameraStatus({ state, reason }: Extract<CameraControl, { type: 'status' }>): void {
    if (state === 'live') return; // the first frame says so
    const text =
      state === 'offline' ? 'The camera is reached, but its source gives no pictures.' : 'The camera is reached; its source is starting.';
    this.#set(state, reason ?? { code: 'source-stalled', text });
  }

  #sleep(clock: Clock, ms: number): Promise<void> {
    return new Promise<void>((resolve) => {
      const timer = clock.setTimeout(resolve, ms);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    }).finally(() => (this.#wake = null));
  }

  #set(state: CameraState, reason: Reason | null): void {
    this.#state = state;
    this.#reason = reason;
    this.#report();
  }

  #report(): void {
    if (this.#closed) return;
    this.#options.events.status({
      state: this.#state,
      reason: this.#reason,
      path: this.#path,
      quality: this.#quality,
      reception: this.#reception,
      report: this.#pathReport(),
    });
  }

  get #reception(): Reception {
    const now = this.#receiver?.reception;
    return { ...(now ? sumOf(this.#pastLosses, now) : this.#pastLosses), delayMs: now?.delayMs ?? 0 };
  }

  #pathReport(): SourcePathReport | null {
    const session = this.#session;
    const mine = this.#nat;
    const theirs = session?.theirNat ?? null;
    return {
      pairs: session?.pairs ?? [],
      attempts: session?.attempts ?? [],
      mine,
      theirs,
      kbps: null,
      why: '',
      advice: [],
      relayedBytes: this.#pastRelayed + (session?.relayedBytes ?? 0),
    };
  }
}
