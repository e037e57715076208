import { utcMs, type UtcMs } from '../../base/units.ts';

/** A difference larger than this is no drift: somebody set a clock, ms. */
const JUMP_MS = 200;
/** For so long must both clocks agree on it, ms of media time: when a camera's clock is set, its reports say so before the measured difference does. */
const CONFIRM_MS = 3_000;
/** How fast the mapping may follow, as a share of media time: not seen, not heard. */
const SLEW = 0.02;

/**
 * Media time to capture time by our clock. The camera's reports and the measured difference of the clocks both waver by
 * milliseconds; the mapping follows slowly, so that frames stay as far apart as they were captured, and jumps when this machine's clock was set.
 * Pictures lead, where there are any: the reports of sound may say something else for good, and both are to move together.
 */
export class StreamClock {
  /** utc - pts/90, ms. */
  #applied: number | null = null;
  #isLed = false;
  #pts = 0;
  #jump: { readonly to: number; readonly since: number } | null = null;

  /**
   * @param utc what the newest report and clock difference say of `pts`, 1/90000 s
   * @param isPicture it is of a picture
   */
  utcOf(pts: number, utc: number, isPicture: boolean): UtcMs {
    const wanted = utc - pts / 90;
    if (this.#applied === null || (isPicture && !this.#isLed)) {
      this.#applied = wanted;
      this.#isLed = isPicture;
      this.#jump = null;
    } else if (!isPicture && this.#isLed) return utcMs(this.#applied + pts / 90);
    else if (Math.abs(wanted - this.#applied) > JUMP_MS) {
      if (!this.#jump || Math.abs(wanted - this.#jump.to) > JUMP_MS) this.#jump = { to: wanted, since: pts };
      else if ((pts - this.#jump.since) / 90 >= CONFIRM_MS) this.#applied = wanted;
    } else {
      this.#jump = null;
      const room = (Math.max(0, pts - this.#pts) / 90) * SLEW;
      this.#applied += Math.max(-room, Math.min(room, wanted - this.#applied));
    }
    this.#pts = Math.max(this.#pts, pts);
    return utcMs(this.#applied + pts / 90);
  }
}
