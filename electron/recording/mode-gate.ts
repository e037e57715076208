import type { Clock, Timer } from '../base/clock.ts';
import type { RecordingMode, RecordingSettings } from '../contract/model.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import type { Cause } from '../segment/segment-cutter.ts';
import { PacedFeed } from './paced-feed.ts';
import { PreRollRing, RING_LIMITS, type RingLimits } from './pre-roll-ring.ts';

/** What is needed of the recorder behind the gate. */
export interface GatedRecorder {
  push(unit: AccessUnit): void;
  /** Nothing is recorded from here on, for this reason, or again (null). */
  hold(cause: Cause | null): void;
}

export interface ModeGateOptions {
  readonly recorder: GatedRecorder;
  readonly clock: Clock;
  /** As they are now. */
  readonly settings: () => Pick<RecordingSettings, 'preRollS' | 'postRollS'>;
  readonly limits?: RingLimits;
}

const BY_SCHEDULE: Cause = { reason: 'schedule', text: 'By its schedule this camera is not recorded at this time.' };
const NO_EVENT: Cause = { reason: 'no-event', text: 'Nothing happened: at this time this camera is recorded around events only.' };

/** Recording ends with a whole group of pictures, so that the next pre-roll joins on to it; it waits no longer for its end, milliseconds. */
const ENDING_MS = 10_000;

/** Recorded whatever the schedule says: a person wants it. */
export const MANUAL = 'manual';

/**
 * Between a camera and its recorder: lets everything through (`continuous`), nothing (`off`), or what is around events, with what came before
 * them from memory. What it lets through never overlaps: recording ends at a keyframe, and that keyframe is the first of the next pre-roll.
 */
export class ModeGate {
  readonly counters = { events: 0 };
  readonly #options: ModeGateOptions;
  readonly #ring: PreRollRing;
  readonly #feed: PacedFeed;
  readonly #reasons = new Set<string>();
  #mode: RecordingMode = 'continuous';
  #state: 'open' | 'ending' | 'shut' = 'open';
  #live = false;
  /** Monotonic. */
  #openUntil = -Infinity;
  #timer: Timer | null = null;
  #endingSince = 0;
  #closed = false;

  constructor(options: ModeGateOptions) {
    this.#options = options;
    this.#ring = new PreRollRing(options.clock, () => options.settings().preRollS * 1000, options.limits ?? RING_LIMITS);
    this.#feed = new PacedFeed(options.clock, (unit) => options.recorder.push(unit));
  }

  /** What comes is recorded. */
  get open(): boolean {
    return this.#state !== 'shut';
  }

  get stats() {
    return { ...this.counters, preRollBytes: this.#ring.bytes, preRollDropped: this.#ring.counters.dropped };
  }

  setMode(mode: RecordingMode): void {
    this.#mode = mode;
    this.#apply();
  }

  /** One frame of the camera. Never blocks. */
  push(unit: AccessUnit): void {
    if (this.#closed) return;
    if (this.#state === 'ending' && unit.config.kind === 'video' && unit.key) this.#shut();
    if (this.#state !== 'shut') this.#feed.push(unit);
    else if (this.#mode === 'events') this.#ring.push(unit);
  }

  /** While the camera is away its absence is why nothing is recorded, not the lack of events. */
  source(live: boolean): void {
    if (this.#live === live) return;
    this.#live = live;
    if (!live && this.#state === 'ending') this.#shut();
    this.#apply();
  }

  /** Recorded from now on (with the pre-roll) until `end` is called with the same name. Idempotent. */
  begin(reason: string): void {
    if (this.#reasons.has(reason)) return;
    this.#reasons.add(reason);
    this.counters.events += 1;
    this.#apply();
  }

  /** @param postRollMs how long recording goes on from here; the post-roll of the settings when left out. Idempotent. */
  end(reason: string, postRollMs = this.#options.settings().postRollS * 1000): void {
    if (!this.#reasons.delete(reason)) return;
    if (reason !== MANUAL) this.#openUntil = Math.max(this.#openUntil, this.#options.clock.monotonic() + postRollMs);
    this.#apply();
  }

  /** What was let through reaches the recorder; what is in memory only is gone. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#feed.flush();
    this.#ring.clear();
  }

  #apply(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#wanted()) this.#openUp();
    else if (this.#mode === 'off' || !this.#live) this.#shut();
    else if (this.#state === 'open') this.#end();
    else if (this.#state === 'ending') this.#waitForEnd();
    else this.#shut();
  }

  #wanted(): boolean {
    if (this.#mode === 'continuous' || this.#reasons.has(MANUAL)) return true;
    if (this.#mode === 'off') return false;
    if (this.#reasons.size > 0) return true;
    const left = this.#openUntil - this.#options.clock.monotonic();
    if (left <= 0) return false;
    this.#timer = this.#options.clock.setTimeout(() => this.#apply(), left);
    return true;
  }

  #openUp(): void {
    if (this.#state === 'shut') {
      this.#options.recorder.hold(null);
      for (const unit of this.#ring.take()) this.#feed.push(unit, 'later');
    }
    this.#state = 'open';
  }

  #end(): void {
    this.#state = 'ending';
    this.#endingSince = this.#options.clock.monotonic();
    this.#waitForEnd();
  }

  #waitForEnd(): void {
    const left = this.#endingSince + ENDING_MS - this.#options.clock.monotonic();
    if (left <= 0) this.#shut();
    else this.#timer = this.#options.clock.setTimeout(() => this.#apply(), left);
  }

  #shut(): void {
    this.#timer?.cancel();
    this.#timer = null;
    // What was let in is recorded all the same.
    this.#feed.flush();
    this.#state = 'shut';
    if (this.#mode === 'off') this.#ring.clear();
    this.#options.recorder.hold(this.#mode === 'off' ? BY_SCHEDULE : this.#live ? NO_EVENT : null);
  }
}
