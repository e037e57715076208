import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { FolderStore } from './folder-store.ts';
import { ARCHIVE_MARKER, ownFolder } from './object-store.ts';

const KEY_ID = '0123456789abcdef';
const MB = 1024 * 1024;

/** Two stores of one archive: what is copied, and a test of the same place. */
function twoStores() {
  const path = mkdtempSync(join(tmpdir(), 'keyhole-folder-store-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  const base = join(path, ownFolder(KEY_ID));
  mkdirSync(base);
  writeFileSync(join(base, ARCHIVE_MARKER), '{}');
  const store = () => new FolderStore({ path, keyId: KEY_ID, clock: systemClock });
  return { base, one: store(), other: store() };
}

async function* of(bytes: number, fill: number, halfway?: () => Promise<unknown>): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(bytes / 2).fill(fill);
  await halfway?.();
  yield new Uint8Array(bytes / 2).fill(fill);
}

describe('an archive in a folder', () => {
  it('takes two objects at a time, each whole: a test beside a copy damages nothing', async () => {
    const { base, one, other } = twoStores();
    await one.put(
      'cam-a/x',
      4 * MB,
      of(4 * MB, 7, async () => {
        await other.put('test-1', 4_096, of(4_096, 9));
        await other.tidy();
        await other.remove(['test-1']);
      }),
    );
    expect(Buffer.compare(await one.read('cam-a/x', 0, 4 * MB), new Uint8Array(4 * MB).fill(7))).toBe(0);
    expect(readdirSync(base).sort()).toEqual(['cam-a', ARCHIVE_MARKER]);
  });

  it('keeps nothing of an upload that failed, and takes away what a killed program left', async () => {
    const { base, one } = twoStores();
    const failing = of(4_096, 1, () => Promise.reject(new Error('the file could not be read')));
    await expect(one.put('cam-a/x', 4_096, failing)).rejects.toThrow('could not be read');
    expect(readdirSync(base).sort()).toEqual(['cam-a', ARCHIVE_MARKER]);
    const left = 'upload-01234567-89ab-cdef-0123-456789abcdef-3.part';
    for (const name of [left, 'upload-plan.part']) writeFileSync(join(base, name), 'x');
    const names: string[] = [];
    for await (const { name } of one.list('')) names.push(name);
    expect(names).toEqual([ARCHIVE_MARKER, 'upload-plan.part']);
    await one.tidy();
    expect(readdirSync(base).sort()).toEqual(['cam-a', ARCHIVE_MARKER, 'upload-plan.part']);
  });

  it('lets a copy that is told to stop in the middle of its pace go at once', async () => {
    const { base, one } = twoStores();
    const stop = new AbortController();
    const pace = {
      limited: true,
      sent: () => {},
      wait: (_bytes: number, signal?: AbortSignal) =>
        new Promise<void>((resolve) => {
          signal?.addEventListener('abort', () => resolve());
          setImmediate(() => stop.abort());
        }),
    };
    await expect(one.put('cam-a/x', 4_096, of(4_096, 1), { signal: stop.signal, pace })).rejects.toMatchObject({ code: 'closed' });
    expect(readdirSync(join(base, 'cam-a'))).toEqual([]);
  });

  it('that does not answer holds up nobody who stops', async () => {
    const { base, one } = twoStores();
    const stop = new AbortController();
    // Who opens it waits until somebody writes to it.
    const path = join(base, 'hangs');
    execFileSync('mkfifo', [path]);
    const reading = one.read('hangs', 0, 10, stop.signal);
    setImmediate(() => stop.abort());
    await expect(reading).rejects.toMatchObject({ code: 'closed' });
    closeSync(openSync(path, constants.O_RDWR));
  });
});
