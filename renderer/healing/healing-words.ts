import type { HealingStatus } from '../../electron/contract/model.ts';
import { duration } from '../time/words.ts';

export interface HealingLine {
  readonly text: string;
  /** More of it, for who looks closer; null: there is no more. */
  readonly title: string | null;
  /** 0..1; null: nothing is being fetched. */
  readonly share: number | null;
  readonly isTrouble: boolean;
}

/** What the camera's page says of healing; null when there is nothing to say. */
export function healingLine({ spool, fetching, problem }: HealingStatus): HealingLine | null {
  if (fetching) {
    const { from, to, share } = fetching;
    // All of it is here when it is in the recordings.
    const percent = Math.min(99, Math.floor(share * 100));
    const text = `Fetching ${duration(to - from)} that an outage left out: ${percent} %`;
    return { text, title: problem?.text ?? null, share, isTrouble: false };
  }
  if (problem) return { text: 'Some of what an outage left out is not fetched', title: problem.text, share: null, isTrouble: true };
  if (spool?.reason) return { text: 'The camera keeps nothing for outages', title: spool.reason.text, share: null, isTrouble: true };
  return null;
}
