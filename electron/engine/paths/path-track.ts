import type { Clock } from '../../base/clock.ts';
import { utcMs } from '../../base/units.ts';
import type { CameraPath, PathSpan, Reason, UtcMs } from '../../contract/model.ts';

/** Spans that wait to be written, at most: enough for ten seconds of any flapping. Beyond, the oldest go. */
const MAX_WAITING = 64;
/** How often an unchanged span is written again, a little longer, milliseconds: what a killed process loses of it. */
const TOUCH_MS = 60_000;

const CONNECTING: Reason = { code: 'session-lost', text: 'Connecting to the camera…' };

/** What the way of one camera was and is, as spans; those that storage does not know yet are kept here. */
export class PathTrack {
  readonly #clock: Clock;
  #current: Omit<PathSpan, 'to'> | null = null;
  /** Since when the first connection is being made. */
  #connecting: UtcMs | null = null;
  #writtenAt = -Infinity;
  #waiting: PathSpan[] = [];
  /** Spans left out because storage was too slow for too long. */
  dropped = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param reason why there is no path; null while the first connection is being made, which belongs to what comes of it */
  set(path: CameraPath | null, reason: Reason | null): void {
    if (!path && !reason) {
      this.#connecting ??= this.#current ? null : this.#now();
      return;
    }
    const kind = path?.kind ?? 'none';
    const why = path ? null : reason;
    if (this.#current?.kind === kind && this.#current.reason?.code === why?.code) return;
    this.#end();
    this.#current = { from: this.#connecting ?? this.#now(), kind, reason: why };
    this.#connecting = null;
    this.#writtenAt = -Infinity;
  }

  /** No more is known from now on. */
  stop(): void {
    this.#end();
    this.#current = null;
    this.#connecting = null;
  }

  /** All that storage does not know, or only in part, up to now. */
  get unwritten(): readonly PathSpan[] {
    const current = this.#current ?? (this.#connecting === null ? null : { from: this.#connecting, kind: 'none', reason: CONNECTING });
    return current ? [...this.#waiting, this.#whole(current)] : this.#waiting;
  }

  /** The same, to be written, as far as it is worth it; `all` at the end. */
  take(all: boolean): readonly PathSpan[] {
    const now = this.#clock.monotonic();
    const taken = this.#waiting;
    this.#waiting = [];
    if (!this.#current || (!all && now - this.#writtenAt < TOUCH_MS)) return taken;
    this.#writtenAt = now;
    return [...taken, this.#whole(this.#current)];
  }

  giveBack(spans: readonly PathSpan[]): void {
    const ended = spans.filter((span) => span.from !== this.#current?.from);
    this.#waiting = [...ended, ...this.#waiting];
    this.#writtenAt = -Infinity;
    this.#bound();
  }

  #end(): void {
    if (!this.#current) return;
    const span = this.#whole(this.#current);
    if (span.to > span.from) this.#waiting.push(span);
    this.#bound();
  }

  #bound(): void {
    const over = this.#waiting.length - MAX_WAITING;
    if (over <= 0) return;
    this.#waiting = this.#waiting.slice(over);
    this.dropped += over;
  }

  /** A clock that was set back ends no span before it began. */
  #whole(span: Omit<PathSpan, 'to'>): PathSpan {
    return { ...span, to: utcMs(Math.max(span.from, this.#now())) };
  }

  #now(): UtcMs {
    return utcMs(Math.round(this.#clock.now()));
  }
}

/**
 * Spans that tile [from, to) exactly: what nobody knows of is `none` without a reason. Neighbours of the same kind and reason are one.
 * @param spans in any order; of overlapping ones (the clock was set back) the one that began last counts
 */
export function tile(spans: readonly PathSpan[], from: UtcMs, to: UtcMs): PathSpan[] {
  const tiles: { from: UtcMs; to: UtcMs; kind: PathSpan['kind']; reason: Reason | null }[] = [];
  let end = from;
  const put = (span: PathSpan) => {
    if (span.to <= span.from) return;
    const last = tiles.at(-1);
    if (last && last.kind === span.kind && last.reason?.code === span.reason?.code) last.to = span.to;
    else tiles.push({ ...span });
    end = span.to;
  };
  const inOrder = [...spans].sort((a, b) => a.from - b.from);
  for (const [index, span] of inOrder.entries()) {
    const start = utcMs(Math.max(span.from, end));
    const stop = utcMs(Math.min(span.to, to, inOrder[index + 1]?.from ?? to));
    if (stop <= start) continue;
    put({ from: end, to: start, kind: 'none', reason: null });
    put({ ...span, from: start, to: stop });
  }
  put({ from: end, to, kind: 'none', reason: null });
  return tiles;
}
