import type { Clock } from '../electron/base/clock.ts';
import type { AccessUnit } from '../electron/media/access-unit.ts';
import type { RateMeter } from './rate-meter.ts';
import { StreamChoice, type StreamName } from './stream-choice.ts';
import type { SubStream } from './sub-stream.ts';
import { ViewerFeed, type FeedSession } from './viewer-feed.ts';

export interface ViewerPictureOptions {
  readonly session: FeedSession;
  readonly clock: Clock;
  /** Null: the camera has one picture only. */
  readonly sub: SubStream | null;
  /** Of the main picture and its sound. */
  readonly mainRate: RateMeter;
}

/** Pictures left out so often in so long a time are no accident, ms. */
const [LEFT_OUT_TIMES, LEFT_OUT_MS] = [2, 10_000];
/** What is said of a way that is too thin is said anew, with the estimate of then, ms. */
const AGAIN_MS = 10_000;

type Reason = 'uplink-thin' | 'frames-left-out';

/**
 * What one viewer gets to see: the main picture, or the small one while its way is too thin. Changes over at a keyframe that
 * was captured after all that was sent, and says so.
 */
export class ViewerPicture {
  readonly #options: ViewerPictureOptions;
  readonly #feed: ViewerFeed;
  readonly #choice: StreamChoice;
  #current: StreamName = 'main';
  /** A keyframe to change over at came, of before what was sent: nothing more is, so that the next one is later. */
  #paused = false;
  #off: (() => void) | null = null;
  #leftOut: { overflows: number; at: readonly number[] } = { overflows: 0, at: [] };
  #told: { readonly stream: StreamName; readonly reason: Reason | null; readonly at: number };

  constructor(options: ViewerPictureOptions) {
    const { session, clock } = options;
    this.#options = options;
    this.#feed = new ViewerFeed(session, clock);
    this.#choice = new StreamChoice(clock.monotonic());
    this.#told = { stream: 'main', reason: null, at: clock.monotonic() };
  }

  get counters(): ViewerFeed['counters'] {
    return this.#feed.counters;
  }

  /** Which one is being sent. */
  get stream(): StreamName {
    return this.#current;
  }

  /** A unit of the main picture, or its sound. */
  push(unit: AccessUnit): void {
    if (unit.config.kind !== 'video' || this.#takes('main', unit)) this.#feed.push(unit);
    if (unit.config.kind === 'video') this.#decide();
  }

  /** What was sent is lost: begins anew with these units of the main picture. */
  restart(units: readonly AccessUnit[]): void {
    this.#feed.restart();
    if (this.#current === 'main') for (const unit of units) this.#feed.push(unit);
    else for (const unit of this.#options.sub?.beginning ?? []) this.#feed.push(unit);
  }

  close(): void {
    this.#leaveSub();
    this.#feed.close();
  }

  /** Whether this video unit of `stream` is to be sent: of the current picture, or the keyframe at which it changes over. */
  #takes(stream: StreamName, unit: AccessUnit): boolean {
    const { wanted } = this.#choice;
    if (this.#current === stream) {
      this.#paused &&= wanted !== stream;
      return !this.#paused;
    }
    if (wanted !== stream || !unit.key) return false;
    this.#feed.dropPictures();
    this.#paused = !this.#feed.follows(unit);
    if (this.#paused) return false;
    this.#current = stream;
    if (stream === 'main') this.#leaveSub();
    this.#tell();
    return true;
  }

  #decide(): void {
    const { session, clock, sub, mainRate } = this.#options;
    const now = clock.monotonic();
    const { bandwidth } = session;
    const { probeBps, mayNeedSub } = this.#choice.decide({
      now,
      waitMs: this.#feed.waitMs,
      estimateBps: bandwidth?.estimateBps ?? null,
      backedOffAt: bandwidth?.backedOffAt ?? -Infinity,
      mainBps: mainRate.bps,
      hasSub: sub !== null && sub.isAlive,
    });
    if (probeBps !== null) bandwidth?.probe(probeBps);
    if (sub && mayNeedSub) this.#useSub(sub);
    else if (this.#current === 'main') this.#leaveSub();
    this.#noteLeftOut(now);
    this.#tell();
  }

  #useSub(sub: SubStream): void {
    sub.want(this);
    this.#off ??= sub.units.on((unit) => {
      if (this.#takes('sub', unit)) this.#feed.push(unit);
    });
    if (this.#current === 'sub' || this.#choice.wanted !== 'sub') return;
    const { beginning } = sub;
    if (beginning[0] && this.#feed.follows(beginning[0]) && this.#takes('sub', beginning[0]))
      for (const unit of beginning) this.#feed.push(unit);
  }

  #leaveSub(): void {
    this.#off?.();
    this.#off = null;
    this.#options.sub?.release(this);
  }

  #noteLeftOut(now: number): void {
    const { overflows } = this.#feed.counters;
    const isMore = overflows > this.#leftOut.overflows;
    const at = [...this.#leftOut.at, ...(isMore ? [now] : [])].filter((time) => now - time < LEFT_OUT_MS);
    this.#leftOut = { overflows, at: at.slice(-LEFT_OUT_TIMES) };
  }

  #tell(): void {
    const { session, clock } = this.#options;
    const stream = this.#current;
    const isLeftOut = this.#leftOut.at.length >= LEFT_OUT_TIMES;
    const reason = isLeftOut ? 'frames-left-out' : stream === 'sub' ? 'uplink-thin' : null;
    const now = clock.monotonic();
    const isNews = stream !== this.#told.stream || reason !== this.#told.reason || (reason !== null && now - this.#told.at >= AGAIN_MS);
    if (!isNews) return;
    this.#told = { stream, reason, at: now };
    const bps = session.bandwidth?.estimateBps ?? null;
    session.send({ type: 'quality', stream, reason, estimateKbps: bps === null ? null : Math.round(bps / 1_000) });
  }
}
