import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { CodedError } from '../../electron/base/errors.ts';
import { SessionBinding } from './binding.ts';
import { BulkChannel } from './bulk-channel.ts';
import { BulkClient } from './bulk-client.ts';
import { CHUNK_BYTES, LIST_ENTRIES, MAX_BULK_BYTES, type SpoolItem } from './bulk-messages.ts';
import { BulkServer, type Spool } from './bulk-server.ts';

const secret = randomBytes(48);
const certificates = { viewer: randomBytes(32), camera: randomBytes(32) };
const hash = randomBytes(32);
const bulkOf = (role: 'viewer' | 'camera') =>
  new SessionBinding(
    role,
    {
      extendedMasterSecret: true,
      localFingerprint: certificates[role],
      remoteFingerprint: certificates[role === 'viewer' ? 'camera' : 'viewer'],
      exportKeyingMaterial: (label, length) => createHash('sha256').update(secret).update(label).digest().subarray(0, length),
    },
    hash,
  ).bulk;

function memorySpool(files: readonly Buffer[]): Spool & { reads: number } {
  const items: SpoolItem[] = files.map(({ length }, index) => ({ key: index, start: index * 10, end: index * 10 + 10, bytes: length }));
  const at = (key: number): Buffer => {
    const file = files[key];
    if (!file) throw new CodedError('not-found', 'That footage is not in the spool any more.');
    return file;
  };
  return {
    reads: 0,
    state: { since: 0, reason: null },
    changed: new Emitter(),
    list: ({ from, to, after, limit }) =>
      items.filter(({ key, start, end }) => start < to && end > from && key > (after ?? -1)).slice(0, limit),
    open: async (key) => ({ ...items[at(key) ? key : 0]!, hash: createHash('sha256').update(at(key)).digest() }),
    async read(key, offset, length) {
      this.reads += 1;
      return at(key).subarray(offset, offset + length);
    },
  };
}

/** Both ends, with what one sends handed to the other at once, as long as `room` says so. */
function ends(files: readonly Buffer[], options: { room?: () => boolean; toViewer?: (bytes: Buffer) => Buffer[] } = {}) {
  const clock = new SimulatedClock();
  const { room = () => true, toViewer = (bytes) => [bytes] } = options;
  const spool = memorySpool(files);
  const server: BulkServer = new BulkServer({
    spool,
    channel: new BulkChannel(bulkOf('camera')),
    share: { take: () => room(), pieceBytes: 1_000 },
    isOpen: () => true,
    send: (sealed) => {
      for (const bytes of toViewer(sealed)) client.take(bytes);
    },
    clock,
  });
  const client: BulkClient = new BulkClient(
    new BulkChannel(bulkOf('viewer')),
    (sealed) => {
      server.take(sealed);
      return true;
    },
    clock,
  );
  return { clock, spool, server, client };
}

describe('the bulk channel', () => {
  it('gives lists in pages, files with their hashes, and their bytes', async () => {
    const files = Array.from({ length: 2 * LIST_ENTRIES + 5 }, (_, index) => randomBytes(100 + index));
    const { client } = ends([...files, randomBytes(40_000)]);
    const keys: number[] = [];
    for (let after: number | null = null; ;) {
      const { segments, more } = await client.list({ from: 15, to: 1e9, after });
      keys.push(...segments.map(({ key }) => key));
      after = keys.at(-1) ?? null;
      if (!more) break;
    }
    expect(keys).toEqual(Array.from({ length: files.length }, (_, index) => index + 1));
    const file = await client.open(files.length);
    const parts: Buffer[] = [];
    for (let offset = 0; offset < file.bytes; offset += CHUNK_BYTES)
      parts.push(await client.read(file.key, offset, Math.min(CHUNK_BYTES, file.bytes - offset)));
    expect(createHash('sha256').update(Buffer.concat(parts)).digest()).toEqual(file.hash);
  });

  it('answers what cannot be answered with why', async () => {
    const { client } = ends([randomBytes(100)]);
    await expect(client.open(7)).rejects.toMatchObject({ code: 'not-found' });
    await expect(client.read(0, 50, 51)).rejects.toMatchObject({ code: 'range-not-satisfiable' });
    await expect(client.read(0, 0, 100)).resolves.toHaveLength(100);
  });

  it('has its own keys: nothing of the control channel counts here, no own message, none twice, none altered', () => {
    const [viewer, camera] = [bulkOf('viewer'), bulkOf('camera')];
    const sealed = new BulkChannel(viewer).seal({ kind: 'json', text: '{}' });
    expect(new BulkChannel(viewer).open(sealed)).toBeNull();
    const receiver = new BulkChannel(camera);
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = Buffer.from(sealed);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(receiver.open(altered)).toBeNull();
    }
    expect(receiver.open(sealed)).toEqual({ kind: 'json', text: '{}' });
    expect(receiver.open(sealed)).toBeNull();
    expect(receiver.rejected).toBe(sealed.length + 1);
  });

  it('keeps a bounded number of questions, and reads no further ahead than it can send', async () => {
    let isFree = false;
    const { client, spool, clock, server } = ends([randomBytes(CHUNK_BYTES)], { room: () => isFree });
    const reads = Array.from({ length: 64 }, () => client.read(0, 0, CHUNK_BYTES));
    await expect(client.read(0, 0, 1)).rejects.toMatchObject({ code: 'too-busy' });
    await clock.advance(1_000);
    expect(spool.reads).toBeLessThanOrEqual(3);
    expect(server.counters.sentBytes).toBe(0);
    isFree = true;
    await clock.advance(1_000);
    await expect(Promise.all(reads)).resolves.toHaveLength(64);
  });

  it('answers a hundred lookups in a row, and no faster than it should', async () => {
    const { client, clock } = ends([randomBytes(100)]);
    let answered = 0;
    const asking = (async () => {
      for (; answered < 100; answered += 1) await client.list({ from: answered, to: 1e9, after: null });
    })();
    for (let ms = 0; ms < 1_000; ms += 10) {
      await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(10);
    }
    expect(answered).toBeGreaterThan(40);
    expect(answered).toBeLessThanOrEqual(61);
    for (let second = 0; second < 3; second += 1) await clock.advance(1_000);
    await asking;
    expect(answered).toBe(100);
  });

  it('gives up on a camera that says nothing for a minute, and on a session that ends', async () => {
    const { client, clock } = ends([randomBytes(10)], { room: () => false });
    const read = client.read(0, 0, 10).catch((error: unknown) => error);
    await clock.advance(61_000);
    expect(await read).toMatchObject({ code: 'too-busy' });
    const other = client.read(0, 0, 10).catch((error: unknown) => error);
    client.close(new CodedError('session-lost', 'Over.'));
    expect(await other).toMatchObject({ code: 'session-lost' });
    await expect(client.open(0)).rejects.toMatchObject({ code: 'session-lost' });
  });

  it('of a camera that says more, less or something else than was asked is refused', async () => {
    const camera = new BulkChannel(bulkOf('camera'));
    const piece = (id: number, bytes: number) => camera.seal({ kind: 'piece', id, bytes: Buffer.alloc(bytes) });
    const json = (value: unknown) => camera.seal({ kind: 'json', text: JSON.stringify(value) });
    const item = (key: number, end = 10) => ({ key, start: 0, end, bytes: 5 });
    const client = new BulkClient(new BulkChannel(bulkOf('viewer')), () => true, new SimulatedClock());
    const cases: [Promise<unknown>, Buffer[]][] = [
      [client.read(0, 0, 100), [piece(1, 60), piece(1, 41)]],
      [client.read(0, 0, 100), [json({ type: 'listed', id: 2, segments: [], more: false })]],
      [client.list({ from: 0, to: 1, after: null }), [json({ type: 'listed', id: 3, segments: [], more: true })]],
      [client.list({ from: 0, to: 1, after: 4 }), [json({ type: 'listed', id: 4, segments: [item(4)], more: true })]],
      [client.list({ from: 0, to: 1, after: null }), [json({ type: 'listed', id: 5, segments: [item(2), item(1)], more: true })]],
      [client.list({ from: 0, to: 1, after: null }), [json({ type: 'listed', id: 6, segments: [item(1, 0)], more: true })]],
      [client.list({ from: 0, to: 1, after: null }), [piece(7, 5)]],
      [client.open(3), [json({ type: 'opened', id: 8, file: { ...item(4), hash: 'ab'.repeat(32) } })]],
    ];
    for (const [asked, frames] of cases) {
      const outcome = asked.catch((error: unknown) => error);
      for (const frame of frames) client.take(frame);
      expect(await outcome).toMatchObject({ code: 'protocol-error' });
    }
    const { rejected } = client.counters;
    client.take(piece(99, 1_000));
    client.take(json({ type: 'opened', id: 1 }));
    expect(client.counters.rejected).toBe(rejected + 2);
  });

  it('lives through any bytes', () => {
    const random = seededRandom(11);
    const { client, server } = ends([]);
    const attacker = { toCamera: new BulkChannel(bulkOf('viewer')), toViewer: new BulkChannel(bulkOf('camera')) };
    for (let round = 0; round < 3_000; round += 1) {
      const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256)));
      server.take(bytes);
      client.take(bytes);
      // Sealed by the right key, nonsense inside.
      server.take(attacker.toCamera.seal({ kind: 'json', text: bytes.toString('latin1') }));
      client.take(attacker.toViewer.seal({ kind: 'piece', id: round, bytes: Buffer.concat([bytes, Buffer.alloc(1)]) }));
    }
    expect(() => attacker.toCamera.seal({ kind: 'json', text: 'x'.repeat(MAX_BULK_BYTES) })).toThrow(RangeError);
  });
});
