import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { Storage } from '../storage/client.ts';
import { StorageFolders } from './folders.ts';
import { checkMarker } from './marker.ts';

it('a folder that is being brought in order keeps no camera waiting that can record elsewhere', async () => {
  const base = mkdtempSync(join(tmpdir(), 'keyhole-folders-'));
  const [dataDir, second] = [join(base, 'data'), join(base, 'second')];
  mkdirSync(second);
  const storage = await Storage.open({ dataDir, log: silentLog });
  await checkMarker(storage, { key: 0, root: dataDir });
  const clock = new SimulatedClock();
  const folders = await StorageFolders.open(storage, dataDir, { clock, patienceMs: 1e9, headroomBytes: 1 });
  const { key } = await folders.add(second);
  const admission = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  folders.start(() => {
    asked.resolve();
    return admission.promise;
  });
  const recordings = (root: string) => join(root, 'recordings');
  renameSync(recordings(second), join(base, 'away'));
  await folders.look(true);
  expect((await folders.choose(key)).key).toBe(0);
  renameSync(join(base, 'away'), recordings(second));
  const looking = folders.look(true);
  await asked.promise;
  expect((await folders.choose(key)).key, 'while its files and rows are compared').toBe(0);
  // Nowhere else to go: what comes meanwhile waits in memory.
  renameSync(recordings(dataDir), join(base, 'away'));
  await folders.watches[0]?.look(true);
  const waiting = folders.choose(key);
  admission.resolve();
  await looking;
  expect((await waiting).key).toBe(key);
  renameSync(join(base, 'away'), recordings(dataDir));
  folders.close();
  await storage.close();
  rmSync(base, { recursive: true });
});
