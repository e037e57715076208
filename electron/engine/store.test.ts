import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import { segmentFile } from '../segment/names.ts';
import { Store, type Closers } from './store.ts';

const T0 = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;

it('compares all that is in a folder that comes back, not only its newest days', async () => {
  const base = mkdtempSync(join(tmpdir(), 'keyhole-store-'));
  const second = join(base, 'second');
  mkdirSync(second);
  const clock = new SimulatedClock();
  const closers: Closers = [];
  const options = {
    dataDir: join(base, 'data'),
    dataKey: new Uint8Array(32),
    clock,
    log: silentLog,
    onFailure: () => {},
    isOpen: () => false,
  };
  const { store } = await Store.open(options, closers);
  const { folders, storage } = store;
  folders.start((folder) => store.returned(folder));
  const row = { id: 'cam-aaaaaaaa', name: 'Yard', createdAt: utcMs(T0), sourceKind: 'rtsp' as const, source: new Uint8Array([1]) };
  await storage.call('addCamera', row);
  const { key } = await folders.add(second);
  await folders.remove(key);
  const files = Array.from({ length: 6 }, (_, day) => join(second, segmentFile('cam-aaaaaaaa', T0 + day * DAY)));
  for (const file of files) {
    mkdirSync(dirname(file), { recursive: true });
    // No pictures are in it: it is put aside when it is looked at.
    writeFileSync(file, 'xx');
    utimesSync(file, T0 / 1000, T0 / 1000);
  }
  expect((await folders.add(second)).key).toBe(key);
  const aside = () => (readdirSync(second, { recursive: true }) as string[]).filter((name) => name.endsWith('.empty'));
  await vi.waitFor(() => expect(aside()).toHaveLength(6), 20_000);
  folders.close();
  for (const close of closers.reverse()) await close();
  rmSync(base, { recursive: true });
});
