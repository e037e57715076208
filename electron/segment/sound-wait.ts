import type { AccessUnit } from '../media/access-unit.ts';

/** Sound that comes at all comes so soon after the first picture, milliseconds by arrival. */
const WAIT_MS = 500;
const MAX_HELD = 250;

/**
 * The tracks of a file are fixed when it begins, and a camera's first picture comes before its first sound. So the first units of
 * each timeline wait a moment: with sound the first file has it, without nothing changes. No timer: it is later units that end the wait.
 */
export class SoundWait {
  #timeline: number | null = null;
  #held: AccessUnit[] | null = null;

  /** What may go on now, in an order in which sound is known before the first picture. */
  take(unit: AccessUnit): AccessUnit[] {
    const sound = unit.config.kind === 'audio';
    if (unit.timeline !== this.#timeline) {
      const before = this.flush();
      this.#timeline = unit.timeline;
      if (sound) return [...before, unit];
      this.#held = [unit];
      return before;
    }
    const held = this.#held;
    const first = held?.[0];
    if (!held || !first) return [unit];
    if (sound) {
      this.#held = null;
      return [unit, ...held];
    }
    held.push(unit);
    return unit.receivedAt - first.receivedAt >= WAIT_MS || held.length >= MAX_HELD ? this.flush() : [];
  }

  /** What waits, as it came. */
  flush(): AccessUnit[] {
    const held = this.#held ?? [];
    this.#held = null;
    return held;
  }
}
