import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../electron/base/log.ts';
import { SpoolFiles } from './files.ts';
import { JOURNAL_FILE } from './journal.ts';

const T0 = Date.UTC(2026, 10, 25, 23, 59, 50);
let root: string;
let files: SpoolFiles;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyhole-spool-files-'));
  files = new SpoolFiles(root, 'spool-test');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(key: number, bytes = 100): void {
  mkdirSync(dirname(files.path(key)), { recursive: true });
  writeFileSync(files.path(key), Buffer.alloc(bytes, 1));
}
const entry = (key: number) => ({ key, end: key + 15_000, bytes: 100, hash: null, clock: null });

describe('the files of a spool', () => {
  it('are those that a journal knows and those it does not; what is not ours is none, and stays', async () => {
    for (const key of [T0, T0 + 15_000, T0 + 30_000]) write(key);
    await files.note(entry(T0));
    await files.note(entry(T0 + 15_000));
    // Another length than the journal says: torn, or mended.
    write(T0 + 15_000, 90);
    const day = dirname(files.path(T0));
    for (const name of ['notes.txt', `${T0}.healed.mp4`, `${T0 + 90_000_000}.mp4`, `${T0}.mp4.empty`]) writeFileSync(join(day, name), 'x');
    mkdirSync(join(files.folder, 'mine'));
    const { known, unknown } = await files.list();
    expect(known).toEqual([entry(T0)]);
    expect(unknown).toEqual([T0 + 15_000, T0 + 30_000]);
  });

  it('go with their day’s folder and its journal, unless somebody else’s file is in it', async () => {
    for (const key of [T0, T0 + 15_000, T0 + 30_000]) write(key);
    await files.note(entry(T0));
    await files.remove(T0);
    expect(existsSync(dirname(files.path(T0)))).toBe(false);
    const day = dirname(files.path(T0 + 15_000));
    await files.note(entry(T0 + 15_000));
    await files.remove(T0 + 15_000);
    expect(readdirSync(day).sort()).toEqual([`${T0 + 30_000}.mp4`, JOURNAL_FILE].sort());
    writeFileSync(join(day, 'notes.txt'), 'x');
    await files.remove(T0 + 30_000);
    await files.remove(T0 + 30_000);
    expect(readdirSync(day)).toContain('notes.txt');
  });

  it('give what they have from a place on, and are put aside where there is no picture in them', async () => {
    write(T0, 50);
    expect(await files.read(T0, 40, 100)).toHaveLength(10);
    expect(await files.read(T0, 60, 100)).toHaveLength(0);
    expect(await files.mend(T0, silentLog)).toBeNull();
    expect(readdirSync(dirname(files.path(T0)))).toEqual([`${T0}.mp4.empty`]);
  });
});
