export type StreamName = 'main' | 'sub';

/** What is known of one viewer's way. Times in monotonic ms, rates in bits a second. */
export interface Situation {
  readonly now: number;
  /** How long the next unit has waited to be sent, ms. */
  readonly waitMs: number;
  /** What the way carries; null: nobody knows. */
  readonly estimateBps: number | null;
  /** When there was too much traffic for the last time. */
  readonly backedOffAt: number;
  /** What the main picture takes; null while unknown. */
  readonly mainBps: number | null;
  readonly hasSub: boolean;
}

/** Pictures that wait so long are the sign that the way is too thin; and so long, that it may be, ms. */
const [TOO_LONG_MS, LONG_MS] = [500, 250];
/** A wait is the way's fault when there was too much traffic so shortly before, ms; or when a beginning does not explain it any more. */
const [CONGESTED_MS, BEGINNING_MS] = [10_000, 5_000];
/** The main picture comes back when the way carries so much more than it takes, and there was no congestion for so long, ms. */
const MARGIN = 1.25;
const CALM_MS = 4_000;
/** The small picture stays for so long at least, ms; twice as long each time that the main one turned out to be too much soon after. */
const [FIRST_HOLD_MS, LONGEST_HOLD_MS] = [8_000, 300_000];
const TOO_SOON_MS = 30_000;
/** A main picture that lasted so long has proved itself. */
const PROVED_MS = 120_000;
/** Between two probes, ms; longer each time that one shows that the way is as thin as ever. */
const [PROBE_SOON_MS, FIRST_PROBE_MS, LONGEST_PROBE_MS] = [500, 2_000, 30_000];

export interface Choice {
  readonly wanted: StreamName;
  /** The small picture may be wanted soon. */
  readonly mayNeedSub: boolean;
  /** A rate to be tried on the way, to know whether it carries more, bits a second. */
  readonly probeBps: number | null;
}

/** Decides which of a camera's two pictures one viewer gets: the main one where the way carries it, with hysteresis. Pure. */
export class StreamChoice {
  #wanted: StreamName = 'main';
  #since: number;
  /** When the main picture was last gone back to. */
  #backAt = -Infinity;
  #holdMs = FIRST_HOLD_MS;
  #probe = { at: -Infinity, everyMs: FIRST_PROBE_MS, estimateBps: 0 };

  constructor(now: number) {
    this.#since = now;
  }

  get wanted(): StreamName {
    return this.#wanted;
  }

  /** To be asked many times a second. */
  decide(situation: Situation): Choice {
    const { now, hasSub } = situation;
    let probeBps: number | null = null;
    if (this.#wanted === 'main') {
      if (now - this.#backAt > PROVED_MS) this.#holdMs = FIRST_HOLD_MS;
      if (hasSub && this.#isThin(situation, TOO_LONG_MS)) this.#down(now);
    } else if (!hasSub) this.#up(now);
    else if (now - this.#since >= this.#holdMs) probeBps = this.#tryUp(situation);
    return { wanted: this.#wanted, mayNeedSub: this.#wanted === 'sub' || this.#isThin(situation, LONG_MS), probeBps };
  }

  #isThin({ now, waitMs, backedOffAt }: Situation, longMs: number): boolean {
    return waitMs > longMs && (now - backedOffAt < CONGESTED_MS || now - this.#since > BEGINNING_MS);
  }

  #down(now: number): void {
    if (now - this.#backAt < TOO_SOON_MS) this.#holdMs = Math.min(LONGEST_HOLD_MS, this.#holdMs * 2);
    this.#set('sub', now);
    this.#probe = { at: -Infinity, everyMs: FIRST_PROBE_MS, estimateBps: 0 };
  }

  #up(now: number): void {
    this.#set('main', now);
    this.#backAt = now;
  }

  #tryUp({ now, estimateBps, backedOffAt, mainBps }: Situation): number | null {
    if (mainBps === null || estimateBps === null) return null;
    const needed = mainBps * MARGIN;
    if (estimateBps >= needed) {
      if (now - backedOffAt >= CALM_MS) this.#up(now);
      return null;
    }
    const helped = estimateBps > 1.3 * this.#probe.estimateBps;
    if (now - this.#probe.at < (helped ? PROBE_SOON_MS : this.#probe.everyMs)) return null;
    const everyMs = helped ? FIRST_PROBE_MS : Math.min(LONGEST_PROBE_MS, this.#probe.everyMs * 1.5);
    this.#probe = { at: now, everyMs, estimateBps };
    return Math.min(1.1 * needed, 2 * estimateBps);
  }

  #set(wanted: StreamName, now: number): void {
    this.#wanted = wanted;
    this.#since = now;
  }
}
