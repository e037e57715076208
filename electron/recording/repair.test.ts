import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { recordingParts } from '../../test/fixtures/recording-parts.ts';
import { silentLog } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import { Storage } from '../storage/client.ts';
import { repairIndex } from './repair.ts';

const T0 = Date.UTC(2026, 0, 1);

it('takes the rows of a day whose folder is gone away in steps, so that others are answered between', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'keyhole-repair-'));
  const storage = await Storage.open({ dataDir, log: silentLog });
  const row = { id: 'cam-aaaaaaaa', name: 'Yard', createdAt: utcMs(T0), sourceKind: 'rtsp' as const, source: new Uint8Array([1]) };
  const { key: camera } = await storage.call('addCamera', row);
  const rows = Array.from({ length: 450 }, (_, i) => utcMs(T0 + i * 60_000));
  await Promise.all(
    rows.map((start) => {
      const where = { folder: 0, origin: 'live', archive: null, hash: null } as const;
      const keyframes = [{ at: start, offset: 1, bytes: 1 }];
      return storage.call('insertSegment', { camera, start, end: utcMs(start + 60_000), bytes: 2, codec: 'avc1', keyframes, ...where });
    }),
  );
  const steps: number[] = [];
  const call: Storage['call'] = (name, args) => {
    if (name === 'loseSegments') steps.push((args as { starts: unknown[] }).starts.length);
    return storage.call(name, args);
  };
  const report = await repairIndex({ ...recordingParts(storage, dataDir), storage: { call, report: storage.report }, log: silentLog });
  expect(report).toMatchObject({ lost: 450, unknownFolders: [] });
  expect(steps).toEqual([200, 200, 50]);
  await storage.close();
  rmSync(dataDir, { recursive: true });
});
