import type { Clock, Timer } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';

/** `doubtful`: a check went unanswered, nothing is proven yet. `lost`: nothing may be sent on the path any more (RFC 7675 §5.1). */
export type ConsentState = 'fresh' | 'doubtful' | 'lost';

export interface ConsentTimes {
  /** Between two checks while all is well, ms; each is shortened or stretched by up to a fifth (RFC 7675 §5.1). */
  readonly intervalMs: number;
  /** Between two checks in doubt, ms. */
  readonly doubtIntervalMs: number;
  /** Without an answer for this long the path is in doubt, ms. */
  readonly doubtMs: number;
  /** Without an answer for this long consent has expired, ms. */
  readonly lostMs: number;
}

/**
 * RFC 7675 gives 5 s between checks and 30 s to expiry as what is polite to the network. A guard must know of a dead picture
 * sooner: some checks a second cost 300 bytes, and beside a video stream that is nothing.
 */
export const CONSENT_TIMES: ConsentTimes = { intervalMs: 700, doubtIntervalMs: 250, doubtMs: 1_400, lostMs: 4_500 };

/** Asks again and again whether the other end still agrees to be sent something on a path, and is still there. Also keeps NAT mappings. */
export class Consent {
  /** Only changes are told. */
  readonly changed = new Emitter<ConsentState>();
  readonly #clock: Clock;
  readonly #times: ConsentTimes;
  readonly #random: () => number;
  readonly #check: () => void;
  #state: ConsentState = 'fresh';
  #answeredAt = 0;
  #timer: Timer | null = null;
  #started = false;

  /** @param options.check sends one authenticated Binding request; its answer is to be told by `answered()` */
  constructor(options: { clock: Clock; check: () => void; times?: ConsentTimes; random?: () => number }) {
    this.#clock = options.clock;
    this.#check = options.check;
    this.#times = options.times ?? CONSENT_TIMES;
    this.#random = options.random ?? Math.random;
  }

  get state(): ConsentState {
    return this.#state;
  }

  /** The connectivity check that made the path is its first answer. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#answeredAt = this.#clock.monotonic();
    this.#next();
  }

  /** A valid answer came. A lost path that answers after all is fresh again. */
  answered(): void {
    if (!this.#started) return;
    this.#answeredAt = this.#clock.monotonic();
    this.#set('fresh');
  }

  /** Asks now: somebody suspects that the network has changed. */
  hurry(): void {
    if (!this.#started) return;
    this.#timer?.cancel();
    this.#tick();
  }

  close(): void {
    this.#started = false;
    this.#timer?.cancel();
    this.changed.clear();
  }

  #next(): void {
    const { intervalMs, doubtIntervalMs } = this.#times;
    const interval = (this.#state === 'fresh' ? intervalMs : doubtIntervalMs) * (0.8 + 0.4 * this.#random());
    // Doubt and loss are noticed when they fall due, not at the check after.
    const { doubtMs, lostMs } = this.#times;
    const silent = this.#clock.monotonic() - this.#answeredAt;
    const due = silent < doubtMs ? doubtMs - silent : silent < lostMs ? lostMs - silent : interval;
    this.#timer = this.#clock.setTimeout(() => this.#tick(), Math.min(interval, due));
  }

  #tick(): void {
    const silent = this.#clock.monotonic() - this.#answeredAt;
    if (silent >= this.#times.lostMs) this.#set('lost');
    else if (silent >= this.#times.doubtMs && this.#state === 'fresh') this.#set('doubtful');
    if (!this.#started) return;
    this.#check();
    this.#next();
  }

  #set(state: ConsentState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.changed.emit(state);
  }
}
