import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import { MAX_EVENT_MS, type CameraEvent } from '../contract/model.ts';
import { Storage } from '../storage/client.ts';
import { EventLog } from './event-log.ts';

const T0 = Date.UTC(2026, 10, 23, 10);
const at = (seconds: number): UtcMs => utcMs(T0 + seconds * 1000);

let dataDir: string;
let storage: Storage;
let clock: SimulatedClock;
let told: string[];
let log: EventLog;

const name = ({ kind, from, to }: CameraEvent) => `${kind} ${(from - T0) / 1000}-${to === null ? '' : (to - T0) / 1000}`;
const newLog = () =>
  new EventLog({
    camera: { id: 'cam-aaaaaaaa', key: 1 },
    storage,
    clock,
    log: silentLog,
    onStarted: (event) => told.push(`started ${name(event)}`),
    onEnded: (event) => told.push(`ended ${name(event)}`),
  });
const stored = async () =>
  (await storage.call('events', { camera: 1, from: at(-10), to: at(20_000) })).map(({ kind, start, end }) => [
    kind,
    (start - T0) / 1000,
    end && (end - T0) / 1000,
  ]);

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-event-log-'));
  storage = await Storage.open({ dataDir, log: silentLog });
  clock = new SimulatedClock(T0);
  told = [];
  log = newLog();
});

afterEach(async () => {
  await log.close();
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('the events of a camera', () => {
  it('are stored as they begin and as they end, and told', async () => {
    log.begin('motion', at(1), 'keyhole');
    log.begin('motion', at(2), 'keyhole');
    expect(log.last).toEqual({ kind: 'motion', from: at(1), to: null });
    log.end('motion', at(5), 0.2);
    log.end('motion', at(6));
    await log.add({ kind: 'doorbell', start: at(3), end: at(3), source: 'outside', score: null, text: 'ding' });
    await log.close();
    expect(await stored()).toEqual([
      ['motion', 1, 5],
      ['doorbell', 3, 3],
    ]);
    expect(told).toEqual(['started motion 1-', 'ended motion 1-5']);
    expect(newLog().last).toBeNull();
  });

  it('remember the last one over a restart', async () => {
    log.begin('motion', at(1), 'keyhole');
    log.end('motion', at(5));
    await log.close();
    log = newLog();
    await log.close();
    expect(log.last).toEqual({ kind: 'motion', from: at(1), to: at(5) });
  });

  it('that go on for longer than an event may are several, without a hole', async () => {
    log.begin('manual', at(0), 'person');
    await clock.advance(2.5 * MAX_EVENT_MS);
    log.end('manual', utcMs(clock.now()));
    await log.close();
    expect(await stored()).toEqual([
      ['manual', 0, 3_600],
      ['manual', 3_600, 7_200],
      ['manual', 7_200, 9_000],
    ]);
  });

  it('end with the app, and a database that fails costs no more than them', async () => {
    log.begin('motion', at(1), 'keyhole');
    await clock.advance(4_000);
    await log.close();
    expect(await stored()).toEqual([['motion', 1, 4]]);
    const broken = new EventLog({
      camera: { id: 'cam-aaaaaaaa', key: 1 },
      storage: { call: () => Promise.reject(new Error('disk full')) } as unknown as Storage,
      clock,
      log: silentLog,
      onStarted: () => told.push('never'),
      onEnded: () => told.push('never'),
    });
    for (let index = 0; index < 200; index += 1) {
      broken.begin('motion', at(index), 'keyhole');
      broken.end('motion', at(index));
    }
    expect(broken.counters.skipped).toBeGreaterThan(100);
    await broken.close();
    expect(told).not.toContain('never');
  });
});
