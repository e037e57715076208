import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errnoOf } from '../../electron/base/errors.ts';
import { parseJson } from '../../peer/signaling/rendezvous-messages.ts';
import type { SpoolEntry } from './catalog.ts';

/** In each day's folder: what is known of its files without reading them. May be missing or torn: the files say the same, more slowly. */
export const JOURNAL_FILE = 'index.jsonl';

const line = z.object({
  key: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  end: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  bytes: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
  hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  clock: z.object({ boot: z.string().max(64), startedAt: z.number().min(-1e15).max(1e15) }).nullable(),
});

/** The last word about each file, by its key. */
export async function readJournal(folder: string): Promise<Map<number, SpoolEntry>> {
  const entries = new Map<number, SpoolEntry>();
  for (const text of (await readText(join(folder, JOURNAL_FILE))).split('\n')) {
    const read = text === '' ? null : parseJson(line, text);
    if (read) entries.set(read.key, { ...read, hash: read.hash === null ? null : Buffer.from(read.hash, 'hex') });
  }
  return entries;
}

/** Not fsynced: what is lost of it with the power is read from the file itself. */
export async function appendJournal(folder: string, { key, end, bytes, hash, clock }: SpoolEntry): Promise<void> {
  // A line behind a torn one would be lost with it.
  await appendFile(join(folder, JOURNAL_FILE), `\n${JSON.stringify({ key, end, bytes, hash: hash?.toString('hex') ?? null, clock })}\n`);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
