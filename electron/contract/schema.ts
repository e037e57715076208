import { z } from 'zod';
import type { CallArgs, CallName, StreamName, Streams } from './api.ts';
import { archiveChangesSchema, newArchiveTargetSchema } from './archive-schema.ts';
import type { UtcMs } from './model.ts';
import { recordingSchema } from './recording-schema.ts';

/** What the engine accepts from a page or a script. Imported by the engine's side only, so that zod stays out of the page. */

const MAX_UTC_MS = 8.64e15;
const time = z
  .number()
  .int()
  .min(0)
  .max(MAX_UTC_MS)
  .transform((value) => value as UtcMs);
const camera = z.string().regex(/^cam-[a-z2-7]{8}$/, 'is not a camera id');
const name = z.string().trim().min(1, 'must not be empty').max(80, 'is longer than 80 characters');
const eventKind = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'is not a kind of event: 1 to 32 of a-z, 0-9 and -');
const nothing = z.strictObject({});
const part = z
  .strictObject({ number: z.number().int().min(1), of: z.number().int().min(1).max(20_000) })
  .refine(({ number, of }) => number <= of, 'is more than there are');
const range = { from: time, to: time };
const ordered = <T extends { from: UtcMs; to: UtcMs }>(schema: z.ZodType<T>) =>
  schema.refine((value) => value.from <= value.to, { message: 'must not be later than "to"', path: ['from'] });

const source = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('p2p'), invite: z.string().trim().max(4096) }),
  z.strictObject({
    kind: z.literal('rtsp'),
    url: z.string().trim().max(2048),
    username: z.string().max(256).optional(),
    password: z.string().max(256).optional(),
  }),
]);

/** Less would be spent by looking once; more nobody means. */
const relay = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('allow') }),
  z.strictObject({ kind: z.literal('never') }),
  z.strictObject({ kind: z.literal('budget'), bytesPerMonth: z.number().int().min(1_000_000).max(1e15) }),
]);

const punch = z.strictObject({
  enabled: z.boolean(),
  probes: z.number().int().min(1).max(1024),
  perSecond: z.number().int().min(100).max(1000),
  seconds: z.number().int().min(1).max(60),
});

const folderKey = z.number().int().min(0).max(1_000_000);
const floor = z.union([
  z.strictObject({ bytes: z.number().int().min(0).max(1e16) }),
  z.strictObject({ percent: z.number().min(0.1).max(50) }),
]);

/** As it is kept. */
export const natSettingsSchema = z.strictObject({ punch, portMapping: z.boolean() });

export const callSchemas = {
  'app.info': nothing,
  'cameras.list': nothing,
  'cameras.get': z.strictObject({ id: camera }),
  'cameras.add': z.strictObject({ name: name.optional(), source }),
  'cameras.update': z.strictObject({
    id: camera,
    name: name.optional(),
    relay: relay.optional(),
    recording: recordingSchema.partial().optional(),
  }),
  'cameras.remove': z.strictObject({ id: camera, deleteRecordings: z.boolean() }),
  'cameras.path': z.strictObject({ id: camera }),
  'cameras.offerByHand': z.strictObject({ invite: z.string().trim().max(4096) }),
  'cameras.answerByHand': z.strictObject({ ticket: z.string().max(128), answer: z.string().trim().max(16_384), name: name.optional() }),
  'nat.report': nothing,
  'nat.refresh': nothing,
  'nat.settings': nothing,
  'nat.configure': natSettingsSchema.partial(),
  'archive.settings': nothing,
  'archive.configure': archiveChangesSchema,
  'archive.test': z.strictObject({ target: newArchiveTargetSchema.optional() }),
  'archive.status': nothing,
  'archive.recovery': nothing,
  'archive.restore': nothing,
  'recordings.query': ordered(z.strictObject({ camera, ...range })),
  'recordings.delete': ordered(z.strictObject({ camera, ...range, dryRun: z.boolean().optional() })),
  'coverage.days': z.strictObject({ camera, days: z.number().int().min(1).max(366), timeZone: z.string().min(1).max(64) }),
  'healing.status': z.strictObject({ camera }),
  'recordings.segments': ordered(z.strictObject({ camera, ...range })),
  'recordings.exportPlan': ordered(z.strictObject({ camera, ...range })),
  'recording.now': z.strictObject({ camera, minutes: z.number().int().min(1).max(1440).nullable() }),
  'recording.cancelNow': z.strictObject({ camera }),
  'events.query': ordered(
    z.strictObject({
      camera: camera.optional(),
      kind: eventKind.optional(),
      ...range,
      limit: z.number().int().min(1).max(1000).optional(),
    }),
  ),
  'events.add': z
    .strictObject({
      camera,
      kind: eventKind.refine((kind) => kind !== 'manual', 'is what "record now" makes: POST /api/v1/cameras/{id}/record'),
      at: time.optional(),
      until: time.optional(),
      durationS: z.number().min(0).max(3600).optional(),
      score: z.number().min(0).max(1).optional(),
      text: z.string().trim().max(500).optional(),
    })
    .refine((event) => event.until === undefined || event.durationS === undefined, 'give "until" or "durationS", not both'),
  'timeline.query': ordered(z.strictObject({ cameras: z.array(camera).max(64), ...range, buckets: z.number().int().min(1).max(4096) })),
  'playback.gop': z.strictObject({ camera, at: time }),
  'playback.jpeg': z.strictObject({ camera, at: z.union([z.literal('now'), time]) }),
  'storage.folders': nothing,
  'storage.addFolder': z.strictObject({ path: z.string().trim().min(1, 'must not be empty').max(4096) }),
  'storage.removeFolder': z.strictObject({ key: folderKey, forget: z.boolean().optional() }),
  'storage.settings': nothing,
  'storage.configure': z.strictObject({ floor: floor.nullable() }),
  'storage.usage': nothing,
  'protected.add': z.strictObject({
    camera,
    ...range,
    until: time.nullable().optional(),
    kind: z.enum(['bookmark', 'export']).optional(),
    text: z.string().trim().max(500).optional(),
  }),
  'protected.list': z.strictObject({ camera: camera.optional(), from: time.optional(), to: time.optional() }),
  'protected.remove': z.strictObject({ key: z.number().int().min(1) }),
  'metrics': nothing,
} satisfies { [N in CallName]: z.ZodType<CallArgs<N>> };

export const streamSchemas = {
  events: nothing,
  live: z.strictObject({ camera }),
  clip: ordered(z.strictObject({ camera, ...range, proof: z.boolean().optional(), part: part.optional() })),
} satisfies { [N in StreamName]: z.ZodType<Streams[N]['args']> };

export const clientMessageSchema = z.discriminatedUnion('t', [
  z.object({ t: z.literal('call'), id: z.number().int().min(1), name: z.string().max(64), args: z.unknown() }),
  z.object({
    t: z.literal('open'),
    id: z.number().int().min(1),
    name: z.string().max(64),
    args: z.unknown(),
    credit: z.number().int().min(1).max(1024),
  }),
  z.object({ t: z.literal('credit'), id: z.number().int().min(1), n: z.number().int().min(1).max(1024) }),
  z.object({ t: z.literal('close'), id: z.number().int().min(1) }),
]);
