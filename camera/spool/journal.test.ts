import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SpoolEntry } from './catalog.ts';
import { appendJournal, JOURNAL_FILE, readJournal } from './journal.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'keyhole-journal-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const entry = (key: number, more: Partial<SpoolEntry> = {}): SpoolEntry => ({
  key,
  end: key + 15_000,
  bytes: 100,
  hash: null,
  clock: null,
  ...more,
});
const path = () => join(folder, JOURNAL_FILE);

describe('the journal of a day', () => {
  it('has the last word about each file, and none before there is one', async () => {
    expect((await readJournal(folder)).size).toBe(0);
    const clock = { boot: 'one', startedAt: -5.25 };
    const hash = Buffer.alloc(32, 7);
    await appendJournal(folder, entry(1_000));
    await appendJournal(folder, entry(2_000, { clock }));
    await appendJournal(folder, entry(1_000, { hash, clock }));
    expect([...(await readJournal(folder)).values()]).toEqual([entry(1_000, { hash, clock }), entry(2_000, { clock })]);
  });

  it('loses the torn line and those that make no sense, and no other', async () => {
    await appendJournal(folder, entry(1_000));
    const whole = readFileSync(path(), 'utf8');
    for (const bad of [
      '{',
      'null',
      '[]',
      JSON.stringify({ ...entry(5), bytes: 0 }),
      JSON.stringify({ ...entry(6), hash: 'xyz' }),
      '\u0000'.repeat(50),
    ])
      appendFileSync(path(), `\n${bad}\n`);
    await appendJournal(folder, entry(2_000));
    writeFileSync(path(), readFileSync(path(), 'utf8').slice(0, -9));
    await appendJournal(folder, entry(3_000));
    expect([...(await readJournal(folder)).keys()]).toEqual([1_000, 3_000]);
    expect(readFileSync(path(), 'utf8').startsWith(whole)).toBe(true);
  });
});
