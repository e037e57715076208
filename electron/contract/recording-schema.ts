import { z } from 'zod';

const minute = z.number().int().min(0);
const mode = z.enum(['continuous', 'events', 'off']);
const days = z
  .array(z.number().int().min(0).max(6))
  .min(1)
  .max(7)
  .refine((list) => new Set(list).size === list.length, 'names a day twice');

/** As it is accepted; see recording.ts for units and meaning. */
export const recordingSchema = z.strictObject({
  schedule: z.strictObject({
    otherwise: mode,
    periods: z.array(z.strictObject({ days, fromMinute: minute.max(1439), toMinute: minute.min(1).max(1440), mode })).max(50),
  }),
  preRollS: z.number().int().min(0).max(30),
  postRollS: z.number().int().min(1).max(300),
  motion: z.strictObject({ detect: z.boolean(), sensitivity: z.number().int().min(1).max(100) }),
  segmentS: z.number().int().min(10).max(600),
  folder: z.number().int().min(0).max(1_000_000),
  keepDays: z.number().int().min(1).max(36_500).nullable(),
  keepBytes: z.number().int().min(1_000_000).max(1e15).nullable(),
  keepEventDays: z.number().int().min(1).max(36_500).nullable(),
  archive: z.boolean(),
  heal: z.boolean(),
});
