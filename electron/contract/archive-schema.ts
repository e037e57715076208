import { z } from 'zod';

const plain = /^[^\p{Cc}]*$/u;
const endpoint = z
  .string()
  .trim()
  .max(512)
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    return (
      url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.search === '' && url.hash === ''
    );
  }, 'is not an address such as https://s3.example.net')
  .transform((text) => text.replace(/\/+$/, ''));

/** As it is kept; see archive.ts for units and meaning. */
export const archiveTargetSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('folder'), path: z.string().min(1).max(4096).regex(plain) }),
  z.strictObject({
    kind: z.literal('s3'),
    endpoint: endpoint.nullable(),
    region: z
      .string()
      .trim()
      .regex(/^[a-zA-Z0-9-]{1,64}$/, 'is not the name of a region'),
    bucket: z
      .string()
      .trim()
      .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{1,254}$/, 'is not the name of a bucket'),
    prefix: z
      .string()
      .trim()
      .max(512)
      .regex(plain)
      .transform((text) => text.replace(/^\/+/, '').replace(/([^/])$/, '$1/')),
    accessKeyId: z.string().trim().min(1).max(256).regex(plain),
    pathStyle: z.boolean(),
  }),
]);

const [folder, s3] = archiveTargetSchema.options;
export const newArchiveTargetSchema = z.discriminatedUnion('kind', [
  folder,
  s3.extend({ secretAccessKey: z.string().trim().min(1).max(1024).regex(plain).optional() }),
]);

const limits = {
  rateKbps: z.number().int().min(64).max(100_000_000).nullable(),
  keepDays: z.number().int().min(1).max(36_500).nullable(),
  keepBytes: z.number().int().min(1_000_000).max(1e18).nullable(),
};
export const archiveLimitsSchema = z.strictObject(limits);
export const archiveChangesSchema = z.strictObject({
  ...archiveLimitsSchema.partial().shape,
  target: newArchiveTargetSchema.nullable().optional(),
  recovery: z.string().max(256).optional(),
});
