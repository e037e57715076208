import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import { MAX_EVENT_MS } from '../contract/model.ts';
import { Storage } from './client.ts';

const T0 = Date.UTC(2026, 10, 23, 10, 0, 0);
const at = (seconds: number): UtcMs => utcMs(T0 + seconds * 1000);

let dataDir: string;
let storage: Storage;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-events-'));
  storage = await Storage.open({ dataDir, log: silentLog });
});

afterEach(async () => {
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const add = (start: number, end: number | null, kind = 'motion', camera = 1) =>
  storage.call('addEvent', {
    camera,
    start: at(start),
    end: end === null ? null : at(end),
    kind,
    source: 'keyhole',
    score: 0.2,
    text: '',
  });
const starts = async (from: number, to: number, more: { kind?: string; limit?: number } = {}) =>
  (await storage.call('events', { camera: 1, from: at(from), to: at(to), ...more })).map(({ start }) => (start - T0) / 1000);

describe('events', () => {
  it('are found by the range they reach into, of one camera, of one kind, bounded', async () => {
    await add(0, 10);
    await add(5, 5, 'doorbell');
    await add(20, 3_620);
    await add(30, null);
    await add(6, 9, 'motion', 2);
    expect(await starts(0, 100)).toEqual([0, 5, 20, 30]);
    expect(await starts(5, 6)).toEqual([0, 5]);
    expect(await starts(10, 20)).toEqual([]);
    expect(await starts(3_600, 3_601)).toEqual([20, 30]);
    expect(await starts(3_620, 3_621)).toEqual([30]);
    expect(await starts(0, 100, { kind: 'doorbell' })).toEqual([5]);
    expect(await starts(0, 100, { limit: 2 })).toEqual([0, 5]);
    expect(await storage.call('lastEvent', { camera: 1 })).toMatchObject({ start: at(30), end: null });
    expect(await storage.call('lastEvent', { camera: 9 })).toBeNull();
  });

  it('end once, not before they began, and are never longer than what a query looks back for', async () => {
    const one = await add(0, null);
    expect(await storage.call('endEvent', { key: one.key, end: at(-5), score: 0.9 })).toMatchObject({ end: at(0), score: 0.9 });
    expect(await storage.call('endEvent', { key: one.key, end: at(50) })).toBeNull();
    const long = await add(0, null);
    expect(await storage.call('endEvent', { key: long.key, end: at(100_000) })).toMatchObject({
      end: utcMs(T0 + MAX_EVENT_MS),
      score: 0.2,
    });
    await expect(add(10, 5)).rejects.toMatchObject({ code: 'bad-request' });
    await expect(add(0, 3_601)).rejects.toMatchObject({ code: 'bad-request' });
  });

  it('that a killed app left open end where it was last known to run', async () => {
    const run = await storage.call('beginRun', { at: at(0) });
    await storage.call('touchRun', { run, at: at(100) });
    await add(90, null);
    await add(110, null);
    await add(10, 20);
    expect(await storage.call('endOpenEvents', {})).toBe(2);
    const ends = (await storage.call('events', { camera: 1, from: at(0), to: at(200) })).map(({ end }) => end);
    expect(ends).toEqual([at(20), at(100), at(110)]);
  });

  it('are counted in every slice of a range that they reach into', async () => {
    await add(5, 5);
    await add(15, 35);
    await add(39.999, 40);
    await add(95, null);
    const density = await storage.call('eventDensity', { camera: 1, from: at(0), to: at(100), buckets: 10 });
    expect(density).toEqual([1, 1, 1, 2, 0, 0, 0, 0, 0, 1]);
    expect(await storage.call('eventDensity', { camera: 1, from: at(0), to: at(0), buckets: 2 })).toEqual([0, 0]);
  });
});
