import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { EngineClient } from '../../electron/contract/client.ts';
import type { Broadcast } from '../../electron/contract/events.ts';
import { Engine } from '../../electron/engine/engine.ts';
import { fromWorkerPort } from '../../electron/engine/ports.ts';

const SECRET = 'correct horse battery staple';
let dataDir: string;
let dataKey: Uint8Array;
const open: Engine[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-engine-'));
  dataKey = new Uint8Array(randomBytes(32));
});
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(key = dataKey): Promise<EngineClient & { engine: Engine }> {
  const engine = await Engine.open(
    { dataDir, dataKey: key, host: 'browser', notices: ['told by the host'] },
    { clock: systemClock, log: silentLog, onFailure: () => {} },
  );
  open.push(engine);
  const { port1, port2 } = new MessageChannel();
  engine.serve(fromWorkerPort(port1));
  return Object.assign(new EngineClient(fromWorkerPort(port2)), { engine });
}

const camera = (name: string, path: string) => ({
  name,
  source: { kind: 'rtsp', url: `rtsp://127.0.0.1:9/${path}`, username: 'admin', password: SECRET } as const,
});

it('keeps cameras over a restart, their secrets sealed and never told (E5)', async () => {
  const first = await start();
  const added = await first.call('cameras.add', camera('Yard', 'one'));
  expect(added.source).toEqual({ kind: 'rtsp', url: 'rtsp://127.0.0.1:9/one', hasPassword: true });
  expect(JSON.stringify(await first.call('cameras.list', {}))).not.toContain(SECRET);
  const identity = (await first.call('app.info', {})).fingerprint;
  await first.engine.close();
  for (const file of ['keyhole.db', 'cameras-backup.json']) expect(readFileSync(join(dataDir, file), 'latin1')).not.toContain(SECRET);

  const second = await start();
  expect((await second.call('cameras.list', {})).map(({ id, name }) => [id, name])).toEqual([[added.id, 'Yard']]);
  const info = await second.call('app.info', {});
  expect(info.fingerprint).toBe(identity);
  expect(info.notices).toContain('told by the host');
});

it('takes the password out of an address, and refuses the same camera twice', async () => {
  const client = await start();
  const url = `rtsp://admin:${encodeURIComponent(SECRET)}@127.0.0.1:9/one`;
  const added = await client.call('cameras.add', { source: { kind: 'rtsp', url } });
  expect(added).toMatchObject({ name: '127.0.0.1', source: { url: 'rtsp://127.0.0.1:9/one', hasPassword: true } });
  await expect(client.call('cameras.add', { source: { kind: 'rtsp', url } })).rejects.toMatchObject({ code: 'conflict' });
  await expect(client.call('cameras.add', { source: { kind: 'rtsp', url: 'http://x' } })).rejects.toMatchObject({ code: 'bad-request' });
  await expect(client.call('cameras.add', { source: { kind: 'p2p', invite: 'keyhole:nonsense' } })).rejects.toMatchObject({
    code: 'invite-malformed',
  });
});

it('a camera that is there and is added with another password keeps its recordings and takes the password', async () => {
  const client = await start();
  const { id } = await client.call('cameras.add', camera('Yard', 'one'));
  const source = { ...camera('', 'one').source, password: 'new' };
  expect(await client.call('cameras.add', { source })).toMatchObject({ id, name: 'Yard' });
  expect(await client.call('cameras.list', {})).toHaveLength(1);
  await expect(client.call('cameras.add', { source })).rejects.toMatchObject({ code: 'conflict' });
});

it('one camera whose secrets cannot be read does not stop the others, and is spoken of (E6)', async () => {
  const first = await start();
  const lost = await first.call('cameras.add', camera('Lost', 'one'));
  const kept = await first.call('cameras.add', camera('Kept', 'two'));
  await first.engine.close();
  const database = new Database(join(dataDir, 'keyhole.db'));
  database.prepare('UPDATE camera SET source = ? WHERE name = ?').run(Buffer.from('damaged'), 'Lost');
  database.close();
  const second = await start();
  expect((await second.call('cameras.list', {})).map(({ id }) => id)).toEqual([kept.id]);
  expect((await second.call('app.info', {})).notices.join()).toMatch(/Lost cannot be used/);
  expect(lost.id).not.toBe(kept.id);
});

it('with another data key refuses to start rather than making a new identity', async () => {
  const first = await start();
  await first.engine.close();
  await expect(start(new Uint8Array(randomBytes(32)))).rejects.toMatchObject({ code: 'key-unavailable' });
});

it('tells everybody what changed, and why a camera is not live', async () => {
  const client = await start();
  const seen: Broadcast[] = [];
  let wake = () => {};
  client.open('events', {}, { item: (broadcast) => (seen.push(broadcast), wake()) });
  const until = async (fits: (broadcast: Broadcast) => boolean) => {
    while (!seen.some(fits)) await new Promise<void>((resolve) => (wake = resolve));
  };
  const { id } = await client.call('cameras.add', camera('Yard', 'one'));
  await until(
    (event) => event.kind === 'camera.changed' && event.camera.state === 'offline' && event.camera.reason?.code === 'rtsp-refused',
  );
  await client.call('cameras.update', { id, name: 'Back yard' });
  await until((event) => event.kind === 'camera.changed' && event.camera.name === 'Back yard');
  await client.call('cameras.remove', { id, deleteRecordings: true });
  await until((event) => event.kind === 'camera.removed' && event.id === id);
  await expect(client.call('cameras.get', { id })).rejects.toMatchObject({ code: 'not-found' });
});

it('goes on with a camera that cannot be removed', async () => {
  const client = await start();
  const { id } = await client.call('cameras.add', camera('Yard', 'one'));
  const db = new Database(join(dataDir, 'keyhole.db'));
  db.exec("CREATE TRIGGER refuses BEFORE UPDATE OF removed_ms ON camera BEGIN SELECT RAISE(FAIL, 'not now'); END");
  await expect(client.call('cameras.remove', { id, deleteRecordings: false })).rejects.toThrow('not now');
  expect(await client.call('cameras.get', { id })).toMatchObject({ id, name: 'Yard' });
  const { count } = db.prepare("SELECT count(*) AS count FROM gap WHERE text LIKE 'The camera was to be removed%'").get() as {
    count: number;
  };
  expect(count).toBe(1);
  db.exec('DROP TRIGGER refuses');
  db.close();
  await client.call('cameras.remove', { id, deleteRecordings: false });
  await expect(client.call('cameras.get', { id })).rejects.toMatchObject({ code: 'not-found' });
});

it('tells by which way a camera is reached, and why by none', async () => {
  const client = await start();
  const { id } = await client.call('cameras.add', camera('Yard', 'one'));
  const report = await client.call('cameras.path', { id });
  expect(report).toMatchObject({ path: null, pairs: [], mine: null, relay: { kind: 'allow' }, relayedBytesMonth: 0 });
  expect(report.why).not.toBe('');
  expect(report.history[0]).toMatchObject({ kind: 'none', reason: null });
  expect((report.history.at(-1)?.to ?? 0) - (report.history[0]?.from ?? 0)).toBe(86_400_000);
  await expect(client.call('cameras.update', { id, relay: { kind: 'never' } })).rejects.toMatchObject({ code: 'bad-request' });
  expect(await client.call('metrics', {})).toMatch(new RegExp(`^keyhole_camera_relayed_bytes_total\\{camera="${id}"\\} 0$`, 'm'));
});

it('keeps what was chosen for NATs over a restart, and tells every page', async () => {
  const first = await start();
  const told = new Promise<Broadcast>((resolve) => {
    first.open('events', {}, { item: (broadcast) => void (broadcast.kind === 'nat.configured' && resolve(broadcast)) });
  });
  const usual = await first.call('nat.settings', {});
  const punch = { enabled: false, probes: 200, perSecond: 100, seconds: 5 };
  const settings = await first.call('nat.configure', { punch });
  expect(settings).toEqual({ ...usual, punch });
  expect(await told).toEqual({ kind: 'nat.configured', settings });
  for (const bad of [{ probes: 1025 }, { perSecond: 99 }, { seconds: 0 }]) {
    await expect(first.call('nat.configure', { punch: { ...punch, ...bad } })).rejects.toMatchObject({ code: 'bad-request' });
  }
  await first.engine.close();
  expect(await (await start()).call('nat.settings', {})).toEqual(settings);
});
