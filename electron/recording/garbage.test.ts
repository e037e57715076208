import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { recordingParts } from '../../test/fixtures/recording-parts.ts';
import { silentLog } from '../base/log.ts';
import { Storage } from '../storage/client.ts';
import { collectGarbage } from './garbage.ts';
import { checkMarker } from './marker.ts';

let dataDir: string;
let storage: Storage;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-garbage-'));
  storage = await Storage.open({ dataDir, log: silentLog });
});

afterEach(async () => {
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

it('keeps its notes when the disk goes before the files are deleted: they are there when it comes back', async () => {
  await checkMarker(storage, { key: 0, root: dataDir });
  const day = join(dataDir, 'recordings', 'cam-aaaaaaaa', '2026-01-01');
  const paths = ['recordings/cam-aaaaaaaa/2026-01-01/1767225600000.mp4', 'recordings/cam-bbbbbbbb'];
  mkdirSync(day, { recursive: true });
  mkdirSync(join(dataDir, 'recordings', 'cam-bbbbbbbb'));
  writeFileSync(join(dataDir, paths[0] ?? ''), 'x');
  for (const path of paths) await storage.call('addGarbage', { folder: 0, path });
  const collect = () => collectGarbage({ ...recordingParts(storage, dataDir), log: silentLog });
  renameSync(join(dataDir, 'recordings'), join(dataDir, 'unplugged'));
  expect(await collect()).toBe(0);
  expect(await storage.call('garbage', {})).toHaveLength(2);
  renameSync(join(dataDir, 'unplugged'), join(dataDir, 'recordings'));
  expect(await collect()).toBe(2);
  expect(await storage.call('garbage', {})).toEqual([]);
  for (const path of paths) expect(existsSync(join(dataDir, path))).toBe(false);
});

it('goes on behind what cannot be deleted, however much that is', async () => {
  const day = 'recordings/cam-aaaaaaaa/2026-01-01';
  const stuck = Array.from({ length: 1_000 }, (_, i) => `${day}/${1767225600000 + i}.mp4`);
  // Not a file: the system refuses to unlink it, as it does where somebody else owns the folder.
  mkdirSync(join(dataDir, stuck[0] ?? ''), { recursive: true });
  const file = 'recordings/cam-bbbbbbbb/2026-01-01/1767225600000.mp4';
  mkdirSync(join(dataDir, 'recordings/cam-bbbbbbbb/2026-01-01'), { recursive: true });
  writeFileSync(join(dataDir, file), 'x');
  const notes = [...stuck, file].map((path) => ({ folder: 0, path }));
  for (let i = 0; i < notes.length; i += 500) await Promise.all(notes.slice(i, i + 500).map((note) => storage.call('addGarbage', note)));
  expect(await collectGarbage({ ...recordingParts(storage, dataDir), log: silentLog })).toBe(1);
  expect(existsSync(join(dataDir, file))).toBe(false);
  expect(await storage.call('garbage', { limit: 2_000 })).toHaveLength(1_000);
});
