import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { NewArchiveTarget } from '../contract/archive.ts';
import { Storage } from '../storage/client.ts';
import { seal } from '../storage/seal.ts';
import { ArchiveKey } from './archive-key.ts';
import { ArchiveBook } from './book.ts';
import { ARCHIVE_MARKER, ownFolder } from './object-store.ts';

const DATA_KEY = new Uint8Array(32).fill(7);

let dir: string;
let storage: Storage;
let said: string[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'keyhole-book-'));
  mkdirSync(join(dir, 'place'));
  storage = await Storage.open({ dataDir: join(dir, 'data'), log: silentLog });
  said = [];
});
afterEach(async () => {
  await storage.close();
  rmSync(dir, { recursive: true, force: true });
});

const target = (): NewArchiveTarget => ({ kind: 'folder', path: join(dir, 'place') });
const open = (dataKey = DATA_KEY) =>
  ArchiveBook.open({ storage, dataKey, clock: systemClock, log: { ...silentLog, error: (text) => void said.push(text) } });

describe('the book of archives', () => {
  it('keeps keys sealed, knows them again, and does without those that it cannot open', async () => {
    const book = await open();
    await book.configure({ target: target(), rateKbps: 500 });
    const key = book.current?.key;
    const kept = (await storage.call('setting', { key: 'archive.list' })) ?? '';
    expect(kept).not.toContain(Buffer.from(key?.bytes ?? []).toString('base64'));
    const again = await open();
    expect(again.current?.key.recoveryText).toBe(key?.recoveryText);
    expect(again.settings).toMatchObject({ target: target(), rateKbps: 500 });
    expect((await open(new Uint8Array(32))).current).toBeNull();
    expect(said).toHaveLength(1);
  });

  it('knows a place by its mark: the same is the same archive, one that lost it is no new one, another’s is refused', async () => {
    const book = await open();
    await book.configure({ target: target() });
    const own = join(dir, 'place', ownFolder(book.current?.key.idText ?? ''));
    await book.configure({ target: null });
    await book.configure({ target: target() });
    expect(book.all.map(({ number }) => number)).toEqual([1]);
    rmSync(join(own, ARCHIVE_MARKER));
    await expect(book.configure({ target: target() })).rejects.toMatchObject({ code: 'archive-unreachable' });
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, ARCHIVE_MARKER), 'not ours');
    await expect(book.configure({ target: target() })).rejects.toMatchObject({ code: 'archive-refused' });
    expect(readdirSync(own)).toEqual([ARCHIVE_MARKER]);
  });

  it('gives a stored secret to no other endpoint and no other access key', async () => {
    const s3 = {
      kind: 's3',
      endpoint: 'http://127.0.0.1:1',
      region: 'r',
      bucket: 'footage',
      prefix: '',
      accessKeyId: 'AK',
      pathStyle: true,
    } as const;
    const key = Buffer.from(ArchiveKey.create().bytes).toString('base64');
    const secrets = new TextEncoder().encode(JSON.stringify({ key, secretAccessKey: 'hidden' }));
    const sealed = Buffer.from(seal(DATA_KEY, secrets, 'archive-1')).toString('base64');
    const limits = { rateKbps: null, keepDays: null, keepBytes: null };
    const value = JSON.stringify({ next: 2, limits, archives: [{ number: 1, id: 'archive-one', target: s3, sealed }] });
    await storage.call('setSetting', { key: 'archive.list', value });
    const book = await open();
    expect(said).toEqual([]);
    expect(book.all).toHaveLength(1);
    for (const other of [{ endpoint: 'http://127.0.0.1:2' }, { accessKeyId: 'BK' }])
      await expect(book.test({ ...s3, ...other })).rejects.toMatchObject({ code: 'bad-request' });
    expect(JSON.stringify(book.settings)).not.toContain('hidden');
    book.close();
  });
});
