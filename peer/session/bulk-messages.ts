import { z } from 'zod';
import { isErrorCode, type ErrorCode } from '../../electron/base/errors.ts';

/** Bytes that one `get` asks for, at most. */
export const CHUNK_BYTES = 16 * 1024;
/** A sealed message: a piece of a chunk, or JSON. */
export const MAX_BULK_BYTES = 16 * 1024;
/** Entries of one `listed`: the message goes out at once, so it is no longer than a piece of a chunk may be. */
export const LIST_ENTRIES = 32;
/** A spool's file is no longer than this; more than an hour of the best picture in it would be. */
export const MAX_FILE_BYTES = 2 ** 31;

const uint32 = z.number().int().min(0).max(0xffffffff);
/** UTC milliseconds. */
const time = z.number().min(-1e15).max(1e15);
/** Names a file of the spool, for as long as it is there. */
const key = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const text = z.string().max(512);

/** What the camera says of its spool. */
export const spoolState = z.object({
  /** Beginning of the oldest footage in it, by the camera's wall clock as it is now; null: there is none yet. */
  since: time.nullable(),
  /** Why it takes nothing at the moment; null: it does. */
  reason: z
    .object({
      code: z
        .string()
        .max(40)
        .transform((code): ErrorCode => (isErrorCode(code) ? code : 'internal')),
      text,
    })
    .nullable(),
});
export type SpoolState = z.infer<typeof spoolState>;

/** One file: times are of the camera's wall clock as it is now, whatever that showed when the file was written. */
export const spoolItem = z.object({ key, start: time, end: time, bytes: z.number().int().min(1).max(MAX_FILE_BYTES) });
export type SpoolItem = z.infer<typeof spoolItem>;

/** `id` is the asker's number of the question. Questions are answered in order. */
export const bulkRequest = z.discriminatedUnion('type', [
  /** Closed files that reach into [from, to), in order of their keys, those above `after`. */
  z.object({ type: z.literal('list'), id: uint32, from: time, to: time, after: key.nullable() }),
  z.object({ type: z.literal('open'), id: uint32, key }),
  z.object({
    type: z.literal('get'),
    id: uint32,
    key,
    offset: z.number().int().min(0).max(MAX_FILE_BYTES),
    length: z.number().int().min(1).max(CHUNK_BYTES),
  }),
]);
export type BulkRequest = z.infer<typeof bulkRequest>;

/** A `get` is answered by its bytes, in pieces, or by `failed`. */
export const bulkReply = z.discriminatedUnion('type', [
  z.object({ type: z.literal('listed'), id: uint32, segments: z.array(spoolItem).max(LIST_ENTRIES), more: z.boolean() }),
  z.object({ type: z.literal('opened'), id: uint32, file: spoolItem.extend({ hash: z.string().regex(/^[0-9a-f]{64}$/) }) }),
  z.object({
    type: z.literal('failed'),
    id: uint32,
    code: z
      .string()
      .max(40)
      .transform((code): ErrorCode => (isErrorCode(code) ? code : 'protocol-error')),
    text,
  }),
]);
export type BulkReply = z.infer<typeof bulkReply>;
