import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { FolderStore } from '../../electron/archive/folder-store.ts';
import { ARCHIVE_MARKER, ownFolder, type ObjectStore } from '../../electron/archive/object-store.ts';
import { S3Store, type S3StoreOptions } from '../../electron/archive/s3-store.ts';
import { systemClock } from '../../electron/base/clock.ts';
import { S3_KEYS, S3Server, s3ServerUnavailable } from '../fakes/s3-server.ts';

const KEY_ID = '0123456789abcdef';
const MB = 1024 * 1024;
const dir = mkdtempSync(join(tmpdir(), 'keyhole-archive-store-'));
let server: S3Server;

beforeAll(async () => {
  if (!s3ServerUnavailable()) server = await S3Server.start('footage', 'small:1000000');
});
afterAll(async () => {
  await server?.close();
  rmSync(dir, { recursive: true, force: true });
});

let serial = 0;
async function folderStore(keyId = KEY_ID, path = join(dir, String(serial++))): Promise<FolderStore> {
  mkdirSync(path, { recursive: true });
  await mark(path, keyId);
  return new FolderStore({ path, keyId, clock: systemClock });
}
function s3Store(more: Partial<S3StoreOptions> = {}): S3Store {
  const place = { endpoint: server.endpoint, region: 'us-east-1', bucket: 'footage', pathStyle: true };
  const store = new S3Store({ ...place, ...S3_KEYS, prefix: `${serial++}/`, keyId: KEY_ID, ...more });
  onTestFinished(() => store.close());
  return store;
}

async function* pieces(bytes: Uint8Array, size = 70_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
async function* broken(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, bytes.length - 10);
  throw new Error('the file could not be read');
}
const put = (store: ObjectStore, name: string, bytes: Uint8Array) => store.put(name, bytes.length, pieces(bytes));
/** As it is taken in use: by a store that needs no mark yet. */
const mark = (path: string, keyId = KEY_ID) =>
  put(new FolderStore({ path, keyId, clock: systemClock, marked: false }), ARCHIVE_MARKER, new TextEncoder().encode('{}'));
async function names(store: ObjectStore, prefix = ''): Promise<string[]> {
  const all: string[] = [];
  for await (const { name } of store.list(prefix)) if (name !== ARCHIVE_MARKER) all.push(name);
  return all;
}
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 251) bytes[i] = i % 255;
  return bytes;
}

const kinds: [string, () => ObjectStore | Promise<ObjectStore>][] = [['a folder', folderStore]];
if (!s3ServerUnavailable()) kinds.push(['a real S3 server', s3Store]);

describe.each(kinds)('%s', (_kind, make) => {
  it('keeps objects, small and of many parts, and gives any range of them', async () => {
    const store = await make();
    for (const length of [1, 300_000, 5 * MB, 5 * MB + 1, 11 * MB + 77]) {
      const bytes = noise(length);
      await put(store, 'cam-a/x', bytes);
      expect(await store.size('cam-a/x')).toBe(length);
      const from = Math.floor(length * 0.4);
      expect(Buffer.compare(await store.read('cam-a/x', from, 200_000), bytes.subarray(from, from + 200_000))).toBe(0);
      expect((await store.read('cam-a/x', length - 1, 500)).length).toBe(1);
    }
  });

  it('takes bytes at the pace it is given, whole all the same', async () => {
    const store = await make();
    const bytes = noise(6 * MB);
    const told = { waited: 0, sent: 0 };
    const pace = {
      limited: true,
      wait: async (count: number) => void (told.waited += count),
      sent: (count: number) => void (told.sent += count),
    };
    await store.put('cam-a/x', bytes.length, pieces(bytes), { pace });
    expect(told).toEqual({ waited: bytes.length, sent: bytes.length });
    expect(Buffer.compare(await store.read('cam-a/x', 0, bytes.length), bytes)).toBe(0);
  });

  it('says what is not there', async () => {
    const store = await make();
    expect(await store.size('cam-a/none')).toBeNull();
    await expect(store.read('cam-a/none', 0, 10)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('lists in order, by prefix, and deletes what is there and what is not', async () => {
    const store = await make();
    for (const name of ['cam-b/2/1', 'cam-a/2/1', 'cam-a/1/2', 'cam-a/1/1']) await put(store, name, noise(100));
    expect(await names(store)).toEqual(['cam-a/1/1', 'cam-a/1/2', 'cam-a/2/1', 'cam-b/2/1']);
    expect(await names(store, 'cam-a/')).toEqual(['cam-a/1/1', 'cam-a/1/2', 'cam-a/2/1']);
    await store.remove(['cam-a/1/1', 'cam-a/none', 'cam-b/2/1']);
    expect(await names(store)).toEqual(['cam-a/1/2', 'cam-a/2/1']);
  });

  it('shows nothing of an object that was not put whole', async () => {
    const store = await make();
    await expect(store.put('cam-a/x', 6 * MB, broken(noise(6 * MB)))).rejects.toThrow('could not be read');
    await expect(store.put('cam-a/x', 100, pieces(noise(50)))).rejects.toThrow('of an object of 100');
    expect(await names(store)).toEqual([]);
    await put(store, 'cam-a/x', noise(1_000));
    await expect(store.put('cam-a/x', 6 * MB, broken(noise(6 * MB)))).rejects.toThrow('could not be read');
    expect(await store.size('cam-a/x')).toBe(1_000);
    await store.tidy();
    expect(await names(store)).toEqual(['cam-a/x']);
  });

  it('stops when told to', async () => {
    const store = await make();
    const stop = new AbortController();
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield noise(5 * MB);
      stop.abort();
      yield noise(5 * MB);
    }
    await expect(store.put('cam-a/x', 10 * MB, slow(), { signal: stop.signal })).rejects.toMatchObject({ code: 'closed' });
    expect(await store.size('cam-a/x')).toBeNull();
  });
});

describe('a folder', () => {
  it('that is not mounted is not taken for an empty archive', async () => {
    const path = join(dir, 'mount');
    const store = await folderStore(KEY_ID, path);
    await put(store, 'cam-a/x', noise(10));
    renameSync(path, `${path}.away`);
    mkdirSync(path);
    for (const ask of [
      () => put(store, 'cam-a/y', noise(10)),
      () => store.read('cam-a/x', 0, 1),
      () => store.remove(['cam-a/x']),
      () => names(store),
    ])
      await expect(ask()).rejects.toMatchObject({ code: 'archive-unreachable' });
    await expect(store.size('cam-a/x')).rejects.toMatchObject({ code: 'archive-unreachable' });
    expect(readdirSync(path)).toEqual([]);
    rmSync(path, { recursive: true });
    renameSync(`${path}.away`, path);
    expect(await store.size('cam-a/x')).toBe(10);
  });

  it('is shared by keys that do not see each other', async () => {
    const path = join(dir, 'shared');
    const [one, other] = [await folderStore('1111111111111111', path), await folderStore('2222222222222222', path)];
    writeFileSync(join(path, 'somebody-elses.txt'), 'x');
    await put(one, 'cam-a/x', noise(10));
    expect(await names(other)).toEqual([]);
    await other.remove(['cam-a/x']);
    await other.tidy();
    expect(await names(one)).toEqual(['cam-a/x']);
    expect(readdirSync(path).sort()).toEqual([ownFolder('1111111111111111'), ownFolder('2222222222222222'), 'somebody-elses.txt']);
  });
});

describe.skipIf(s3ServerUnavailable())('a real S3 server', () => {
  const code = async (store: ObjectStore, bytes = 3) => {
    const error: unknown = await put(store, 'cam-a/x', noise(bytes)).catch((failure: unknown) => failure);
    return error as { code?: string; message?: string };
  };

  it('that refuses is told apart from one that is away, in words that say what to do', async () => {
    expect(await code(s3Store({ secretAccessKey: 'wrong' }))).toMatchObject({
      code: 'archive-refused',
      message: expect.stringContaining('check the access key and the secret'),
    });
    expect(await code(s3Store({ bucket: 'none' }))).toMatchObject({
      code: 'archive-refused',
      message: expect.stringContaining('no such bucket'),
    });
    expect(await code(s3Store({ bucket: 'small' }), 2 * MB)).toMatchObject({
      code: 'archive-refused',
      message: expect.stringContaining('quota'),
    });
    expect(await code(s3Store({ region: 'eu-west-9' }))).toMatchObject({
      code: 'archive-refused',
      message: expect.stringContaining('region'),
    });
    const tls = s3Store({ endpoint: server.endpoint.replace('http:', 'https:') });
    expect(await code(tls)).toMatchObject({ code: 'archive-unreachable', message: expect.stringContaining('https where it speaks TLS') });
    expect(await code(s3Store({ endpoint: 'http://127.0.0.1:1' }))).toMatchObject({
      code: 'archive-unreachable',
      message: expect.stringContaining('nothing listens'),
    });
  });

  it('never shows the secret in what it says', async () => {
    const secretAccessKey = 'do-not-show-me';
    const error = await code(s3Store({ secretAccessKey }));
    expect(JSON.stringify({ ...error, message: error.message })).not.toContain(secretAccessKey);
  });

  it('is shared by keys that do not see each other, also where one’s prefix begins like the other’s', async () => {
    const [one, other] = [s3Store({ prefix: 'home/', keyId: '1111111111111111' }), s3Store({ prefix: 'home/', keyId: '2222222222222222' })];
    await put(one, 'cam-a/x', noise(10));
    expect(await names(other)).toEqual([]);
    await other.remove(['cam-a/x']);
    await other.tidy();
    expect(await names(one)).toEqual(['cam-a/x']);
  });

  it('that goes away in the middle of an upload and comes back keeps nothing of it, and takes the object again', async () => {
    const store = s3Store();
    async function* cut(): AsyncGenerator<Uint8Array> {
      yield noise(5 * MB);
      await server.stop();
      yield noise(5 * MB);
    }
    await expect(store.put('cam-a/x', 10 * MB, cut())).rejects.toMatchObject({ code: 'archive-unreachable' });
    await expect(store.size('cam-a/x')).rejects.toMatchObject({ code: 'archive-unreachable' });
    await server.start();
    expect(await store.size('cam-a/x')).toBeNull();
    await store.tidy();
    await put(store, 'cam-a/x', noise(10 * MB));
    expect(await store.size('cam-a/x')).toBe(10 * MB);
  });
});
