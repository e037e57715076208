import type { Identity } from '../../../peer/identity.ts';
import type { PairedCamera } from '../../../peer/pairing/paired-camera.ts';
import type { CameraControl } from '../../../peer/session/control-messages.ts';
import type { SessionTimes } from '../../../peer/session/session-core.ts';
import { ViewerSession } from '../../../peer/session/viewer-session.ts';
import { MeetingPlaces } from '../../../peer/signaling/meeting-places.ts';
import type { LanFinder, Meeting } from '../../../peer/signaling/meeting.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import type { CodedError } from '../../base/errors.ts';
import { asCoded } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { Backoff } from '../../base/retry.ts';
import type { CameraPath, CameraState, Reason } from '../../contract/model.ts';
import type { Source, SourceEvents } from '../source.ts';
import { Receiver } from './receiver.ts';

export interface P2pSourceOptions {
  /** The app's own; the camera knows it by pairing. */
  readonly identity: Identity;
  readonly camera: PairedCamera;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: SourceEvents;
  /** Looks for the camera on this network too. */
  readonly lan?: LanFinder | null;
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
  #started = false;
  #closed = false;
  #running: Promise<void> = Promise.resolve();
  #timeline = 0;
  #quickRetries = 0;
  readonly #places: MeetingPlaces;
  readonly #stop = new AbortController();
  #session: ViewerSession | null = null;
  #wake: (() => void) | null = null;

  constructor(options: P2pSourceOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
    const { identity, camera, clock, log, lan = null } = options;
    const remote = { publicKey: Buffer.from(camera.publicKey, 'base64url'), address: camera.address };
    const timeoutMs = this.#times.signalingMs;
    this.#places = new MeetingPlaces({ rendezvous: camera.rendezvous, camera: remote, identity, clock, log, timeoutMs, lan });
  }

  start(): void {
    if (this.#started || this.#closed) return;
    this.#started = true;
    this.#report();
    this.#running = this.#run();
  }

  retryNow(): void {
    this.#backoff.reset();
    this.#session?.check();
    this.#wake?.();
  }

  async close(): Promise<void> {
    this.#closed = true;
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
      if (this.#closed) return;
      this.#session = null;
      this.#path = null;
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
  #connect(): Promise<ViewerSession> {
    // A session lives without the place where it was agreed on.
    return this.#places.use((meeting) => this.#connectAt(meeting), this.#stop.signal);
  }

  async #connectAt({ channel, ice: servers }: Meeting): Promise<ViewerSession> {
    const { identity, clock, log } = this.#options;
    const { signalingMs, session: times } = this.#times;
    const ice = { stun: servers.stun, turn: [], policy: 'all' } as const;
    const session = await ViewerSession.create({ identity, channel, ice, clock, log, answerMs: signalingMs, ...(times ? { times } : {}) });
    this.#session = session;
    if (this.#closed) await session.close();
    await session.connect();
    return session;
  }

  /** Receives until the session is over; resolves to why. */
  #watch(session: ViewerSession): Promise<CodedError> {
    const { clock, events } = this.#options;
    if (session.over) return Promise.resolve(session.over);
    return new Promise((resolve) => {
      let cameraLive = true;
      let lastFrameAt = clock.monotonic();
      let liveAt: number | null = null;
      let poll: Timer | null = null;
      let status: Timer | null = null;
      const receiver = new Receiver({
        clock,
        nextTimeline: () => (this.#timeline += 1),
        clockOffsetMs: () => session.clockOffsetMs,
        requestKeyframe: (ssrc) => session.requestKeyframe(ssrc),
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
        this.#path = session.path;
        this.#report();
        if (cameraLive && clock.monotonic() - lastFrameAt > this.#times.silenceMs) {
          void session.close('source-stalled', 'The camera is connected but sends no pictures.');
        }
      };
      session.packets.on((packet) => receiver.push(packet));
      session.control.on((message) => {
        if (message.type === 'status') {
          cameraLive = message.state === 'live';
          lastFrameAt = clock.monotonic();
          this.#onCameraStatus(message);
        } else receiver.onControl(message);
      });
      session.closed.on((error) => {
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
    this.#options.events.status({ state: this.#state, reason: this.#reason, path: this.#path });
  }
}
