import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { CodedError } from '../base/errors.ts';
import type { UtcMs } from '../contract/model.ts';
import { HttpError } from './problem.ts';

/** Largest JSON body in bytes: an invite with every address in it is about 2 KB. */
const MAX_BODY_BYTES = 64 * 1024;

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;

/** A time in a query: epoch milliseconds, or ISO 8601 with its offset from UTC. */
export const timeParameter = z.string().transform((text, context): UtcMs => {
  const ms = /^\d{1,16}$/.test(text) ? Number(text) : ISO.test(text) ? Date.parse(text) : NaN;
  if (Number.isFinite(ms) && ms >= 0) return ms as UtcMs;
  context.addIssue({ code: 'custom', message: 'is not a time: give epoch milliseconds or ISO 8601 with Z, 2026-01-31T08:00:00.000Z' });
  return z.NEVER;
});

/** The value as the schema wants it, or `bad-request` naming every field that is wrong. */
export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const wrong = result.error.issues.slice(0, 5).map(({ path, message }) => {
    const what = message.endsWith('received undefined') ? 'is missing' : message;
    return path.length > 0 ? `"${path.join('.')}" ${what}` : what;
  });
  throw new CodedError('bad-request', `Not understood: ${wrong.join('; ')}.`);
}

/** The query as an object; a name given twice is an error, so that nobody relies on which one counts. */
export function queryOf(url: URL): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (Object.hasOwn(query, name)) throw new CodedError('bad-request', `The parameter "${name}" is given twice.`);
    query[name] = value;
  }
  return query;
}

/** The JSON body. Its type must be named: a form of another site's page cannot do that. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json' && type !== 'application/merge-patch+json') {
    throw new HttpError(415, 'bad-request', 'The body must be sent as "Content-Type: application/json".');
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES)
      throw new HttpError(413, 'bad-request', `The body is longer than ${MAX_BODY_BYTES} bytes.`, { Connection: 'close' });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw new CodedError('bad-request', 'The body is not JSON.');
  }
}
