import type { Clock } from '../base/clock.ts';

export interface DetectorState {
  readonly state: 'starting' | 'watching' | 'unhealthy';
  /** One sentence for people. */
  readonly text: string;
}

/** Frames come and no picture does for so long: the decoder hangs. */
const STALL_MS = 6_000;
/** A picture that comes so long after its frame shows what pre-roll has forgotten, milliseconds. */
const LATE_MS = 6_000;
/** Over so long, one frame in four dropped is too many. */
const WINDOW_MS = 10_000;
const MAX_DROPPED_SHARE = 0.25;
/** What was unhealthy is trusted again when it has worked for so long. */
const PROVED_MS = 15_000;
const TOO_SLOW = 'This computer is too slow to decode the camera’s picture for motion detection.';
const STARTING: DetectorState = { state: 'starting', text: 'Motion detection is starting.' };
const WATCHING: DetectorState = { state: 'watching', text: 'Motion is looked for.' };

/** Whether a motion detector can be relied on, by what goes into its decoder and what comes out. */
export class DetectorHealth {
  readonly #clock: Clock;
  readonly #changed: (state: DetectorState) => void;
  #state = STARTING;
  /** Monotonic: since when frames wait for a picture; since when all is well. */
  #waitingSince: number | null = null;
  #wellSince: number | null = null;
  /** Frames that were to be decoded, and those of them that were not. */
  #wanted = 0;
  #dropped = 0;
  #windowFrom: number;

  constructor(clock: Clock, changed: (state: DetectorState) => void) {
    this.#clock = clock;
    this.#changed = changed;
    this.#windowFrom = clock.monotonic();
  }

  get state(): DetectorState {
    return this.#state;
  }

  /** A frame came from the camera. */
  offered(): void {
    this.#waitingSince ??= this.#clock.monotonic();
  }

  /** A frame was to be decoded. `taken`: false when it was left out, since the decoder does not keep up. */
  wanted(taken: boolean): void {
    this.#wanted += 1;
    if (!taken) this.#dropped += 1;
  }

  /** A picture came out. `lateMs`: how far the newest frame that went in is ahead of it, media time. */
  picture(lateMs: number): void {
    const now = this.#clock.monotonic();
    this.#waitingSince = null;
    if (lateMs >= LATE_MS) return this.failed(TOO_SLOW);
    this.#wellSince ??= now;
    if (this.#state.state === 'starting' || (this.#state.state === 'unhealthy' && now - this.#wellSince >= PROVED_MS)) this.#set(WATCHING);
  }

  failed(text: string): void {
    this.#wellSince = null;
    this.#waitingSince = null;
    this.#set({ state: 'unhealthy', text });
  }

  /** Nothing comes and nothing is expected. */
  interrupted(): void {
    this.#waitingSince = null;
    this.#wellSince = null;
    if (this.#state.state === 'watching') this.#set(STARTING);
  }

  /** To be called about each second. `stalled`: the decoder should be replaced. */
  check(): 'stalled' | null {
    const now = this.#clock.monotonic();
    if (now - this.#windowFrom >= WINDOW_MS) {
      const share = this.#wanted > 0 ? this.#dropped / this.#wanted : 0;
      this.#windowFrom = now;
      this.#wanted = this.#dropped = 0;
      if (share > MAX_DROPPED_SHARE) this.failed(TOO_SLOW);
    }
    if (this.#waitingSince === null || now - this.#waitingSince < STALL_MS) return null;
    // What it failed by says more, while no other decoder gives anything.
    const known = this.#state.state === 'unhealthy' ? this.#state.text : null;
    this.failed(known ?? `Its decoder gave no picture for ${STALL_MS / 1000} s.`);
    return 'stalled';
  }

  #set(state: DetectorState): void {
    if (state.state === this.#state.state && state.text === this.#state.text) return;
    this.#state = state;
    this.#changed(state);
  }
}
