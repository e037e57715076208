import type { Clock } from '../base/clock.ts';
import type { AccessUnit } from '../media/access-unit.ts';

export interface RingLimits {
  /** Encoded bytes, all groups together. */
  readonly bytes: number;
  /** A group that goes on for longer is not kept: decoding it would take as long, milliseconds. */
  readonly groupMs: number;
}

export const RING_LIMITS: RingLimits = { bytes: 32 * 1024 * 1024, groupMs: 60_000 };

interface Group {
  readonly units: AccessUnit[];
  /** Of arrival, monotonic. */
  readonly begunAt: number;
  endedAt: number;
  bytes: number;
}

/**
 * The last seconds of one camera, encoded, in memory: whole groups of pictures, from a keyframe on, with their sound. What is too old or too
 * much goes by the group, oldest first. Nothing of an older timeline is kept: it does not join on to what comes.
 */
export class PreRollRing {
  /** `dropped`: units that went because the limits were reached, or waited for a keyframe; not those that only grew old. */
  readonly counters = { dropped: 0 };
  readonly #clock: Clock;
  readonly #keepMs: () => number;
  readonly #limits: RingLimits;
  #groups: Group[] = [];
  #bytes = 0;
  #timeline: number | null = null;

  /** @param keepMs how much is wanted; whole groups make it up to one group more */
  constructor(clock: Clock, keepMs: () => number, limits: RingLimits = RING_LIMITS) {
    this.#clock = clock;
    this.#keepMs = keepMs;
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(unit: AccessUnit): void {
    const now = this.#clock.monotonic();
    if (unit.timeline !== this.#timeline) this.clear();
    this.#timeline = unit.timeline;
    if (unit.config.kind === 'video' && unit.key) this.#groups.push({ units: [], begunAt: now, endedAt: now, bytes: 0 });
    const group = this.#groups.at(-1);
    if (!group) {
      this.counters.dropped += 1;
      return;
    }
    const bytes = bytesOf(unit);
    group.units.push(unit);
    group.bytes += bytes;
    group.endedAt = now;
    this.#bytes += bytes;
    this.#forget(now);
  }

  /** Takes out everything that is not too old, in the order of arrival. */
  take(): AccessUnit[] {
    const now = this.#clock.monotonic();
    this.#forget(now);
    const kept = this.#groups.filter(({ endedAt }) => endedAt >= now - this.#keepMs());
    this.clear();
    return kept.flatMap(({ units }) => units);
  }

  clear(): void {
    this.#groups = [];
    this.#bytes = 0;
  }

  #forget(now: number): void {
    // The second group alone reaches back far enough.
    for (let next = this.#groups[1]; next && next.begunAt <= now - this.#keepMs(); next = this.#groups[1]) this.#drop();
    while (this.#groups[0] && (this.#bytes > this.#limits.bytes || now - this.#groups[0].begunAt > this.#keepMs() + this.#limits.groupMs))
      this.counters.dropped += this.#drop();
  }

  #drop(): number {
    const group = this.#groups.shift();
    this.#bytes -= group?.bytes ?? 0;
    return group?.units.length ?? 0;
  }
}

/** What a unit takes in memory: its data lies within its fragment, where it has one. */
export const bytesOf = (unit: AccessUnit): number => unit.fragment?.bytes.length ?? unit.data.length;
