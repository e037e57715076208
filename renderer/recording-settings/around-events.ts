import type { RecordingChanges, RecordingSettings } from '../../electron/contract/model.ts';

/** What is typed. */
export interface AroundEventsForm {
  preRoll: string;
  postRoll: string;
  segment: string;
  detect: boolean;
  sensitivity: number;
}

export type AroundEventsFaults = { readonly [K in 'preRoll' | 'postRoll' | 'segment']?: string };

const FIELDS = { preRoll: [0, 30], postRoll: [1, 300], segment: [10, 600] } as const;

export const formOf = ({ preRollS, postRollS, segmentS, motion }: RecordingSettings): AroundEventsForm => ({
  preRoll: String(preRollS),
  postRoll: String(postRollS),
  segment: String(segmentS),
  detect: motion.detect,
  sensitivity: motion.sensitivity,
});

export function readForm(form: AroundEventsForm): { readonly changes: RecordingChanges } | { readonly faults: AroundEventsFaults } {
  const faults: { -readonly [K in keyof AroundEventsFaults]: AroundEventsFaults[K] } = {};
  const values = { preRoll: 0, postRoll: 0, segment: 0 };
  for (const name of ['preRoll', 'postRoll', 'segment'] as const) {
    const [least, most] = FIELDS[name];
    const value = /^\d{1,4}$/.test(form[name].trim()) ? Number(form[name]) : NaN;
    if (value >= least && value <= most) values[name] = value;
    else faults[name] = `Whole seconds, ${least} to ${most}`;
  }
  if (Object.keys(faults).length > 0) return { faults };
  const motion = { detect: form.detect, sensitivity: form.sensitivity };
  return { changes: { preRollS: values.preRoll, postRollS: values.postRoll, segmentS: values.segment, motion } };
}
