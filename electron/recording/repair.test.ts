import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { recordingParts } from '../../test/fixtures/recording-parts.ts';
import { silentLog } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import { Storage } from '../storage/client.ts';
import { segmentFile } from '../segment/names.ts';
import { INSTALLATION_SETTING, writeMarker } from './marker.ts';
import { IndexRepair, repairIndex } from './repair.ts';

const T0 = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;

let dataDir: string;
let storage: Storage;
let camera: number;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-repair-'));
  storage = await Storage.open({ dataDir, log: silentLog });
  const row = { id: 'cam-aaaaaaaa', name: 'Yard', createdAt: utcMs(T0), sourceKind: 'rtsp' as const, source: new Uint8Array([1]) };
  camera = (await storage.call('addCamera', row)).key;
});

afterEach(async () => {
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function list(at: number, folder = 0): Promise<void> {
  const start = utcMs(at);
  const where = { folder, origin: 'live', archive: null, hash: null } as const;
  const keyframes = [{ at: start, offset: 1, bytes: 1 }];
  await storage.call('insertSegment', { camera, start, end: utcMs(start + 60_000), bytes: 2, codec: 'avc1', keyframes, ...where });
}

function write(at: number, root = dataDir): void {
  const path = join(root, segmentFile('cam-aaaaaaaa', at));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, 'xx');
  // No recorder is just writing to it.
  utimesSync(path, T0 / 1000, T0 / 1000);
}

it('takes no row away of a disk that goes while it is compared', async () => {
  for (let day = 0; day < 4; day++) {
    await list(T0 + day * DAY);
    write(T0 + day * DAY);
  }
  const repair = new IndexRepair({ ...recordingParts(storage, dataDir), log: silentLog, busy: () => false });
  await repair.before();
  renameSync(join(dataDir, 'recordings'), join(dataDir, 'unplugged'));
  mkdirSync(join(dataDir, 'recordings'));
  await repair.rest();
  expect(repair.report).toMatchObject({ lost: 0, unknownFolders: [dataDir] });
  expect(await storage.call('totals', {})).toMatchObject({ segments: 4 });
  renameSync(join(dataDir, 'recordings'), join(dataDir, 'empty'));
  renameSync(join(dataDir, 'unplugged'), join(dataDir, 'recordings'));
});

it('takes the rows of a day whose folder is gone away in steps, so that others are answered between', async () => {
  await Promise.all(Array.from({ length: 450 }, (_, i) => list(T0 + i * 60_000)));
  const steps: number[] = [];
  const call: Storage['call'] = (name, args) => {
    if (name === 'loseSegments') steps.push((args as { starts: unknown[] }).starts.length);
    return storage.call(name, args);
  };
  const report = await repairIndex({ ...recordingParts(storage, dataDir), storage: { call, report: storage.report }, log: silentLog });
  expect(report).toMatchObject({ lost: 450, unknownFolders: [] });
  expect(steps).toEqual([200, 200, 50]);
});

it('of a folder that came back looks at its older days, too, and leaves alone what the whole store has under way', async () => {
  const root = join(dataDir, 'second');
  for (let day = 0; day < 5; day++) write(T0 + day * DAY, root);
  await storage.call('setSetting', { key: INSTALLATION_SETTING, value: 'this' });
  await writeMarker(root, { id: 'this', folder: 1 });
  await storage.call('setSetting', { key: 'index.check', value: 'rebuild' });
  const folders = { all: [{ key: 1, root }], root: () => root };
  const parts = { ...recordingParts(storage, dataDir), folders, log: silentLog, part: true };
  const repair = new IndexRepair({ ...parts, busy: () => false });
  await repair.before();
  // No pictures are in these files: each is put aside.
  expect(repair.report.empty).toBe(2);
  await repair.start();
  expect(repair.report.empty).toBe(5);
  expect(await storage.call('setting', { key: 'index.check' })).toBe('rebuild');
});
