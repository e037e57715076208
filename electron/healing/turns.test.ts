import type { Storage } from '../storage/client.ts';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SpoolReader } from '../../peer/session/bulk-client.ts';
import { SimulatedClock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { DEFAULT_RECORDING, utcMs } from '../contract/model.ts';
import type { HealableCamera } from './camera.ts';
import { Healing } from './healing.ts';

const T0 = Date.UTC(2026, 10, 25);
let clock: SimulatedClock;
let dir: string;
let healing: Healing;
/** Lists that are being asked for, by camera; to be answered. */
let asked: { readonly id: string; answer(): void; fail(): void }[];
let began: string[];
let isReached: boolean;
let present: string[];

beforeEach(() => {
  clock = new SimulatedClock(T0);
  dir = mkdtempSync(`${tmpdir()}/keyhole-turns-`);
  [asked, began, isReached, present] = [[], [], true, ['cam-a', 'cam-b', 'cam-c']];
  const unused = () => Promise.reject(new Error('not part of this test'));
  healing = new Healing({
    // This computer's clock was never set; nothing else is asked.
    storage: { call: (() => Promise.resolve([])) as Storage['call'] },
    register: { list: unused },
    folders: { choose: unused, failed: () => false },
    dataDir: dir,
    clock,
    log: silentLog,
    cameras: () => present.map(camera),
  });
});
afterEach(async () => {
  for (const { fail } of asked) fail();
  await healing.close();
  rmSync(dir, { recursive: true, force: true });
});

function camera(id: string): HealableCamera {
  const reader = {
    list: () => {
      began.push(id);
      return new Promise((resolve, reject) => {
        const done = (settle: () => void) => () => {
          asked = asked.filter((other) => other !== entry);
          settle();
        };
        const entry = {
          id,
          answer: done(() => resolve({ segments: [], more: false })),
          fail: done(() => reject(new CodedError('too-busy', 'Busy.'))),
        };
        asked.push(entry);
      });
    },
  } as unknown as SpoolReader;
  return {
    id,
    key: 1,
    name: id,
    createdAt: utcMs(T0 - 86_400_000),
    settings: () => DEFAULT_RECORDING,
    spool: () => (isReached ? { reader, state: { since: T0 - 3_600_000, reason: null }, clockOffsetMs: 0, isRelayed: false } : null),
    mayRelay: () => false,
    gaps: async ({ from }) => [{ from, to: utcMs(from + 60_000), reason: 'session-lost', text: '' }],
    added: () => {},
  };
}
const running = () => asked.map(({ id }) => id).sort();

describe('cameras that have something to fetch', () => {
  it('begin when their picture has come, two at a time, the others after them, and again later', async () => {
    healing.start();
    await clock.advance(2_000);
    expect(running()).toEqual([]);
    await clock.advance(8_000);
    expect(running()).toEqual(['cam-a', 'cam-b']);
    asked[0]?.answer();
    // What is on the disk is looked at in between: that takes true time.
    await expect.poll(() => clock.advance(2_000).then(running)).toEqual(['cam-b', 'cam-c']);
    for (const { answer } of asked) answer();
    const before = clock.monotonic();
    await expect.poll(() => clock.advance(2_000).then(() => began.length)).toBeGreaterThan(3);
    expect(clock.monotonic() - before).toBeGreaterThan(20_000);
  });

  it('that fail are asked ever more rarely, and soon when they come back', async () => {
    present = ['cam-a'];
    healing.start();
    for (let second = 0; second < 600; second += 1) {
      await clock.advance(1_000);
      for (const { fail } of asked) fail();
    }
    expect(began.length).toBeLessThan(30);
    expect(healing.status('cam-a').problem).toMatchObject({ code: 'too-busy' });
    const before = began.length;
    isReached = false;
    await clock.advance(5_000);
    isReached = true;
    await clock.advance(10_000);
    expect(began.length).toBe(before + 1);
  });

  it('that are removed are left alone, and one that is not known says nothing', async () => {
    healing.start();
    await clock.advance(10_000);
    present = ['cam-c'];
    for (const { fail } of asked) fail();
    await clock.advance(10_000);
    expect(running()).toEqual(['cam-c']);
    expect(healing.status('cam-a')).toEqual({ spool: null, fetching: null, problem: null, healedMs: 0 });
  });

  it('have what was being fetched kept; that of one removed just before Keyhole was closed goes', async () => {
    present = ['cam-aaaaaaaa'];
    for (const name of ['cam-aaaaaaaa', 'cam-bbbbbbbb', 'mine']) {
      mkdirSync(join(dir, 'healing', name), { recursive: true });
      writeFileSync(join(dir, 'healing', name, '1.part'), 'x');
    }
    healing.start();
    await healing.close();
    expect(readdirSync(join(dir, 'healing')).sort()).toEqual(['cam-aaaaaaaa', 'mine']);
  });
});
