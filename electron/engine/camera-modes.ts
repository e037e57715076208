import type { Clock, Timer } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import { MAX_EVENT_MS, type CameraEvent, type RecordingNow, type RecordingTrouble, type Segment } from '../contract/model.ts';
import type { DetectorState } from '../detection/detector-health.ts';
import { EventLog } from '../detection/event-log.ts';
import { MotionWatch } from '../detection/motion-watch.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import { MANUAL, ModeGate, type GatedRecorder } from '../recording/mode-gate.ts';
import { modeAt, nextChange, wallClock, type WallClock } from '../recording/schedule.ts';
import type { SourceStatus } from '../sources/source.ts';
import type { Storage } from '../storage/client.ts';
import type { FrameRecorder, ModeFigures } from './camera.ts';
import type { RecordedCamera } from './cameras.ts';
import type { Events } from './events.ts';
import { RecordNow } from './record-now.ts';

/** The clock may be set, and zones change: the schedule is looked at at least so often, milliseconds. */
const LOOK_MS = 30_000;
/** Events of other systems that are still to begin or to end. */
const MAX_PENDING = 32;
/** Another system's clock may be ahead by so much, milliseconds. */
const MAX_AHEAD_MS = 3_600_000;
const UNHEALTHY = 'unhealthy';

/** What another system says happened. */
export interface OutsideEvent {
  readonly kind: string;
  readonly at?: UtcMs | undefined;
  readonly until?: UtcMs | undefined;
  readonly durationS?: number | undefined;
  readonly score?: number | undefined;
  readonly text?: string | undefined;
}

export interface CameraModesOptions {
  readonly camera: RecordedCamera;
  /** Behind the gate. */
  readonly recorder: GatedRecorder & Pick<FrameRecorder, 'sourceStatus' | 'recording' | 'reason' | 'segments' | 'close'>;
  readonly storage: Pick<Storage, 'call'>;
  readonly events: Pick<Events, 'emit'>;
  readonly clock: Clock;
  readonly log: Log;
  /** What the camera's snapshot says of it changed. */
  readonly onChanged: () => void;
  /** This machine's when left out. */
  readonly wall?: WallClock;
}

/** How one camera is recorded at each moment: its schedule, what happens before it, and what a person wants, put together. */
export class CameraModes implements FrameRecorder {
  readonly #options: CameraModesOptions;
  readonly #gate: ModeGate;
  readonly #events: EventLog;
  readonly #manual: RecordNow;
  readonly #wall: WallClock;
  readonly #pending = new Set<Timer>();
  /** Events of other systems that the database has not taken yet. */
  #adding = 0;
  #detector: MotionWatch | null = null;
  #detecting: DetectorState | null = null;
  #closing: Promise<unknown> = Promise.resolve();
  #mode: RecordingNow['mode'] = 'continuous';
  #next: RecordingNow['next'] = null;
  #timer: Timer | null = null;
  #live = false;
  #serial = 0;
  #closed: Promise<void> | null = null;

  constructor(options: CameraModesOptions) {
    const { camera, recorder, storage, events, clock, log, onChanged } = options;
    this.#options = options;
    this.#wall = options.wall ?? wallClock();
    this.#gate = new ModeGate({ recorder, clock, settings: camera.settings });
    const tell = (kind: 'event.started' | 'event.ended') => (event: CameraEvent) => {
      events.emit({ kind, event });
      onChanged();
    };
    this.#events = new EventLog({ camera, storage, clock, log, onStarted: tell('event.started'), onEnded: tell('event.ended') });
    this.#manual = new RecordNow({ camera: camera.id, storage, clock, log, onChanged: () => this.#manually() });
    this.settingsChanged();
  }

  get recording(): boolean {
    return this.#options.recorder.recording;
  }

  get reason(): RecordingTrouble | null {
    return this.#options.recorder.reason;
  }

  get now(): RecordingNow {
    return { mode: this.#mode, next: this.#next, manual: this.#manual.current, lastEvent: this.#events.last, detector: this.#detecting };
  }

  get figures(): ModeFigures {
    const { preRollBytes, preRollDropped } = this.#gate.stats;
    const detector = this.#detector && { ...this.#detector.counters, healthy: this.#detector.state.state !== 'unhealthy' };
    return { events: this.#events.counters.events, preRollBytes, preRollDropped, detector };
  }

  segments(): readonly Segment[] {
    return this.#options.recorder.segments();
  }

  push(unit: AccessUnit): void {
    if (this.#closed) return;
    this.#gate.push(unit);
    if (this.#live) this.#detector?.push(unit);
  }

  sourceStatus(status: SourceStatus): void {
    this.#options.recorder.sourceStatus(status);
    if (this.#closed) return;
    this.#live = status.state === 'live';
    this.#gate.source(this.#live);
    if (!this.#live) this.#detector?.interrupted();
  }

  /** The schedule, or what counts as motion, is another one. */
  settingsChanged(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    const { camera, clock, onChanged } = this.#options;
    const { schedule } = camera.settings();
    const now = utcMs(clock.now());
    const mode = modeAt(schedule, now, this.#wall);
    const changed = mode !== this.#mode;
    this.#mode = mode;
    this.#next = nextChange(schedule, now, this.#wall);
    this.#timer = clock.setTimeout(() => this.settingsChanged(), Math.min(LOOK_MS, Math.max(1, (this.#next?.at ?? Infinity) - now)));
    this.#watch();
    this.#gate.setMode(mode);
    if (changed) onChanged();
  }

  /** A person wants it recorded: for so many minutes, or until `cancelNow`. Survives a restart. */
  recordNow(minutes: number | null): Promise<void> {
    return this.#manual.begin(minutes === null ? null : utcMs(Math.round(this.#options.clock.now() + minutes * 60_000)));
  }

  cancelNow(): Promise<void> {
    return this.#manual.cancel();
  }

  /** Errors: `bad-request` for times that make no sense, `too-busy`, those of the database. */
  async addEvent({ kind, at, until, durationS, score, text }: OutsideEvent): Promise<CameraEvent> {
    const { clock, events } = this.#options;
    const now = utcMs(Math.round(clock.now()));
    const start = at ?? now;
    const end = utcMs(until ?? Math.round(start + (durationS ?? 0) * 1000));
    if (start > now + MAX_AHEAD_MS) throw new CodedError('bad-request', 'The event is more than an hour in the future.');
    if (end < start || end - start > MAX_EVENT_MS)
      throw new CodedError('bad-request', 'An event ends after it begins, and lasts an hour at most.');
    if (end > now && this.#pending.size + this.#adding >= MAX_PENDING)
      throw new CodedError('too-busy', `This camera has ${MAX_PENDING} events already that are not over.`);
    this.#adding += 1;
    const event = await this.#events
      .add({ kind, start, end, source: 'outside', score: score ?? null, text: text ?? '' })
      .finally(() => (this.#adding -= 1));
    this.#recordAround(start, end);
    events.emit({ kind: end > now ? 'event.started' : 'event.ended', event });
    if (end > now) this.#later(end, () => events.emit({ kind: 'event.ended', event }));
    this.#options.onChanged();
    return event;
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#timer?.cancel();
    for (const timer of this.#pending) timer.cancel();
    this.#manual.close();
    this.#stopDetector();
    this.#gate.close();
    await Promise.all([this.#options.recorder.close(), this.#closing, this.#events.close()]);
  }

  /** One that is over only if its post-roll is not. */
  #recordAround(start: UtcMs, end: UtcMs): void {
    const now = this.#options.clock.now();
    const left = end + this.#options.camera.settings().postRollS * 1000 - now;
    if (left <= 0) return;
    const name = `outside ${(this.#serial += 1)}`;
    const begin = () => {
      this.#gate.begin(name);
      if (end > this.#options.clock.now()) this.#later(end, () => this.#gate.end(name));
      else this.#gate.end(name, left);
    };
    if (start > now) this.#later(start, begin);
    else begin();
  }

  #later(at: UtcMs, run: () => void): void {
    const timer = this.#options.clock.setTimeout(() => {
      this.#pending.delete(timer);
      if (!this.#closed) run();
    }, at - this.#options.clock.now());
    this.#pending.add(timer);
  }

  #manually(): void {
    if (this.#closed) return;
    const now = utcMs(Math.round(this.#options.clock.now()));
    if (this.#manual.current) {
      this.#gate.begin(MANUAL);
      this.#events.begin('manual', now, 'person');
    } else {
      this.#gate.end(MANUAL);
      this.#events.end('manual', now);
    }
    this.#options.onChanged();
  }

  /** A detector where one is needed, and only there. */
  #watch(): void {
    const { camera, clock, log } = this.#options;
    const needed = this.#mode === 'events' && camera.settings().motion.detect;
    if (!needed) return this.#stopDetector();
    if (this.#detector) return;
    this.#detector = new MotionWatch({
      clock,
      log: log.child('motion'),
      sensitivity: () => camera.settings().motion.sensitivity,
      onMotion: (news) => {
        if (news.kind === 'start') {
          this.#events.begin('motion', news.at, 'keyhole');
          this.#gate.begin('motion');
        } else {
          this.#events.end('motion', news.at, news.area);
          const since = clock.now() - news.at;
          this.#gate.end('motion', Math.max(0, camera.settings().postRollS * 1000 - since));
        }
      },
      onState: (state) => this.#detectorIs(state),
    });
    this.#detecting = this.#detector.state;
  }

  /** What cannot be told apart is recorded: that is what a recorder is for. */
  #detectorIs(state: DetectorState): void {
    this.#detecting =
      state.state === 'unhealthy' ? { ...state, text: `Everything is recorded: motion cannot be seen. ${state.text}` } : state;
    if (state.state === 'unhealthy') this.#gate.begin(UNHEALTHY);
    else if (state.state === 'watching') this.#gate.end(UNHEALTHY);
    this.#options.onChanged();
  }

  #stopDetector(): void {
    const detector = this.#detector;
    this.#detector = null;
    this.#detecting = null;
    if (!detector) return;
    // What moves ends first.
    const closed = detector.close();
    this.#closing = Promise.all([this.#closing, closed]);
    this.#gate.end(UNHEALTHY, 0);
  }
}
