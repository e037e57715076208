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
