import { createHash } from 'node:crypto';
import { appendFileSync, chmodSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordSpool } from '../../test/fixtures/spool-footage.ts';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { scanSegment } from '../../electron/segment/segment-scan.ts';
import type { SpoolItem } from '../../peer/session/bulk-messages.ts';
import { CameraSpool, type CameraSpoolOptions } from './spool.ts';

const T0 = Date.UTC(2026, 10, 25, 10);
const EVER = { from: 0, to: 1e14, after: null, limit: 1_000 };
let root: string;
let clock: SimulatedClock;
/** How far the wall clock is ahead of what the machine counts. */
let boot: { boot: string; startedAt(): number };
let opened: CameraSpool[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyhole-spool-'));
  clock = new SimulatedClock(T0);
  boot = { boot: 'one', startedAt: () => clock.now() - clock.monotonic() };
  opened = [];
});
afterEach(async () => {
  for (const spool of opened) await spool.close();
  rmSync(root, { recursive: true, force: true });
});

async function open(options: Partial<CameraSpoolOptions> = {}): Promise<CameraSpool> {
  const spool = new CameraSpool({
    root,
    camera: 'spool-test',
    limits: { bytes: 1e9, ageMs: 7 * 86_400_000 },
    clock,
    log: silentLog,
    bootClock: boot,
    remux: () => {
      throw new Error('these units have their fragments');
    },
    ...options,
  });
  opened.push(spool);
  await spool.start();
  return spool;
}

const record = (spool: CameraSpool, seconds: number) => recordSpool(spool, clock, seconds);
const pathOf = (key: number) => join(root, 'recordings/spool-test', new Date(key).toISOString().slice(0, 10), `${key}.mp4`);
const spanOf = (items: readonly SpoolItem[]) => [items[0]?.start, items.at(-1)?.end];
const bytesOf = (items: readonly SpoolItem[]) => items.reduce((sum, item) => sum + item.bytes, 0);

describe('the spool of a camera', () => {
  it('has what was shown, in files of some seconds that follow each other, with their hashes', async () => {
    const spool = await open();
    await record(spool, 65);
    await spool.close();
    const items = spool.list(EVER);
    expect(items.length).toBeGreaterThan(3);
    expect(spanOf(items)).toEqual([T0, T0 + 65_000]);
    for (const [index, { key, start, end, bytes }] of items.entries()) {
      const file = readFileSync(pathOf(key));
      expect(file.length).toBe(bytes);
      expect((await spool.open(key)).hash).toEqual(createHash('sha256').update(file).digest());
      expect((await scanSegment(pathOf(key), key)).segment).toMatchObject({ start, end, bytes });
      if (index > 0) expect(start).toBe(items[index - 1]?.end);
      expect(await spool.read(key, bytes - 7, 100)).toEqual(file.subarray(-7));
    }
  });

  it('is listed by its time, in pages', async () => {
    const spool = await open();
    await record(spool, 90);
    await spool.close();
    const all = spool.list(EVER);
    const range = { from: T0 + 20_000, to: T0 + 70_000, limit: 2 };
    const pages: SpoolItem[] = [];
    for (let after: number | null = null; ; after = pages.at(-1)?.key ?? null) {
      const page = spool.list({ ...range, after });
      pages.push(...page);
      if (page.length < 2) break;
    }
    expect(pages).toEqual(all.filter(({ start, end }) => start < range.to && end > range.from));
  });

  it('is there again after a restart, and after its journal was lost', async () => {
    const spool = await open();
    await record(spool, 40);
    await spool.close();
    const before = spool.list(EVER);
    expect((await open()).list(EVER)).toEqual(before);
    const [day] = readdirSync(join(root, 'recordings/spool-test'));
    rmSync(join(root, 'recordings/spool-test', day ?? '', 'index.jsonl'));
    const third = await open();
    await third.settled();
    expect(third.list(EVER)).toEqual(before);
    expect((await third.open(before[0]?.key ?? 0)).hash).toEqual((await spool.open(before[0]?.key ?? 0)).hash);
  });

  it('loses its torn end only, and nothing of it hides behind a torn line', async () => {
    const spool = await open();
    await record(spool, 40);
    await spool.close();
    const last = spool.list(EVER).at(-1);
    const path = pathOf(last?.key ?? 0);
    const whole = readFileSync(path);
    // As a killed process leaves it: part of a fragment, no word in the journal, and half a line there.
    appendFileSync(path, whole.subarray(-500, -100));
    const journal = join(dirname(path), 'index.jsonl');
    writeFileSync(journal, readFileSync(journal, 'utf8').slice(0, -40));
    const again = await open();
    await again.settled();
    expect(readFileSync(path)).toEqual(whole);
    expect(again.list(EVER)).toEqual(spool.list(EVER));
    await record(again, 20);
    await again.close();
    expect((await open()).list(EVER)).toEqual(again.list(EVER));
  });

  it('keeps to its bytes: the oldest go', async () => {
    const spool = await open({ limits: { bytes: 1_200_000, ageMs: 86_400_000 } });
    await record(spool, 120);
    await spool.close();
    const items = spool.list(EVER);
    expect(bytesOf(items)).toBeLessThanOrEqual(1_200_000);
    expect(items.at(-1)?.end).toBe(T0 + 120_000);
    expect(items.length).toBeGreaterThan(5);
    const [day] = readdirSync(join(root, 'recordings/spool-test'));
    expect(readdirSync(join(root, 'recordings/spool-test', day ?? '')).filter((name) => name.endsWith('.mp4'))).toHaveLength(items.length);
  });

  it('keeps to its age; a clock that is wrong for a while does not cost all of it', async () => {
    const spool = await open({ limits: { bytes: 1e9, ageMs: 3_600_000 } });
    for (let hour = 0; hour < 2; hour += 1) await record(spool, 1_200);
    await clock.advance(2_500_000);
    await spool.settled();
    expect(spool.state.since).toBeGreaterThanOrEqual(clock.now() - 3_600_000 - 15_000);
    const before = spool.list(EVER).length;
    clock.jump(10 * 365 * 86_400_000);
    await clock.advance(60_000);
    await spool.settled();
    clock.jump(-10 * 365 * 86_400_000);
    await spool.settled();
    expect(before - spool.list(EVER).length).toBeLessThanOrEqual(41);
  });

  it('tells times by the clock as it is now, when that was set since, also before a restart', async () => {
    const spool = await open();
    await record(spool, 30);
    // The clock was an hour slow: what was recorded was recorded an hour later.
    clock.jump(3_600_000);
    await record(spool, 30);
    expect(spanOf(spool.list(EVER).slice(0, 2))).toEqual([T0 + 3_600_000, T0 + 3_600_000 + 30_000]);
    await spool.close();
    const items = spool.list(EVER);
    expect(spanOf(items)).toEqual([T0 + 3_600_000, T0 + 3_660_000]);
    expect(items[0]?.key).toBe(T0);
    expect((await open()).list(EVER)).toEqual(items);
    // Another run of the machine, that slept meanwhile: nothing of its own clock counts.
    expect((await open({ bootClock: { boot: 'two', startedAt: () => 5 } })).list(EVER)).toEqual(items);
  });

  it('that is full keeps what was shown before the clock was set, and loses what is older', async () => {
    const limits = { bytes: 800_000, ageMs: 7 * 86_400_000 };
    const spool = await open({ limits });
    await record(spool, 60);
    await spool.close();
    const old = spool.list(EVER);
    expect(spool.state.since).toBe(T0);
    // The machine was started anew, and has no clock of its own.
    const toldAfter = clock.now() + 3_600_000 - 3_000_000;
    clock.jump(3_000_000 - clock.now());
    boot = { ...boot, boot: 'two' };
    const again = await open({ limits });
    await record(again, 40);
    clock.jump(toldAfter - clock.now());
    await record(again, 20);
    await again.close();
    const items = again.list(EVER);
    expect(Math.min(...items.map(({ start }) => start))).toBeGreaterThan(old[0]?.start ?? 0);
    expect(items.map(({ start }) => start)).toContain(toldAfter - 40_000);
    expect(items.some(({ key }) => key === 3_000_000)).toBe(true);
  });

  it('takes how finely the machine counts for no time at all', async () => {
    let error = 0;
    const spool = await open({ bootClock: { boot: 'one', startedAt: () => boot.startedAt() + error } });
    await record(spool, 30);
    const items = spool.list(EVER);
    error = 40;
    expect(spool.list(EVER)).toEqual(items);
  });

  it('of a folder that cannot be written says so, and goes on when it can', async () => {
    const told: (string | undefined)[] = [];
    const file = join(root, 'recordings');
    writeFileSync(file, 'in the way');
    const spool = await open();
    spool.changed.on(() => told.push(spool.state.reason?.code));
    await record(spool, 20);
    expect(spool.state).toMatchObject({ since: null, reason: { code: 'disk-missing' } });
    rmSync(file);
    await clock.advance(6_000);
    await expect.poll(() => spool.state.reason).toBeNull();
    await record(spool, 40);
    await spool.close();
    expect(spool.list(EVER).length).toBeGreaterThan(1);
    expect(told).toContain(undefined);
  });

  it('survives that its disk fails under way, and what was written before stays', async () => {
    const spool = await open();
    await record(spool, 20);
    const before = spool.list(EVER);
    renameSync(join(root, 'recordings'), join(root, 'away'));
    writeFileSync(join(root, 'recordings'), 'in the way');
    await record(spool, 30);
    expect(spool.state.reason).not.toBeNull();
    await expect(spool.open(before[0]?.key ?? 0).then(({ key }) => spool.read(key, 0, 10))).rejects.toMatchObject({ name: 'CodedError' });
    rmSync(join(root, 'recordings'));
    renameSync(join(root, 'away'), join(root, 'recordings'));
    await expect
      .poll(async () => {
        await clock.advance(1_000);
        return spool.state.reason;
      })
      .toBeNull();
    await record(spool, 40);
    await spool.close();
    expect(spool.state.reason).toBeNull();
    expect(spool.list(EVER)[0]).toEqual(before[0]);
    expect(spool.list(EVER).at(-1)?.end).toBe(clock.now());
  });

  it('of a file that is gone has no more to say, of one that was changed the old hash', async () => {
    const spool = await open();
    await record(spool, 40);
    await spool.close();
    const [first, second] = spool.list(EVER);
    rmSync(pathOf(first?.key ?? 0));
    await expect(spool.read(first?.key ?? 0, 0, 10)).rejects.toMatchObject({ code: 'not-found' });
    expect(spool.list(EVER)[0]).toEqual(second);
    await expect(spool.open(7)).rejects.toMatchObject({ code: 'not-found' });
    const changed = readFileSync(pathOf(second?.key ?? 0));
    changed[100] = (changed[100] ?? 0) ^ 1;
    writeFileSync(pathOf(second?.key ?? 0), changed);
    expect((await spool.open(second?.key ?? 0)).hash).not.toEqual(createHash('sha256').update(changed).digest());
  });

  it('can be read by its owner only', async () => {
    const spool = await open();
    await record(spool, 20);
    expect(statSync(join(root, 'recordings')).mode & 0o077).toBe(0);
    chmodSync(root, 0o755);
  });

  it('shares a folder with other cameras, and touches nothing of theirs', async () => {
    const other = await open({ camera: 'spool-other' });
    await record(other, 20);
    await other.close();
    const spool = await open({ limits: { bytes: 1, ageMs: 3_600_000 } });
    await record(spool, 60);
    await spool.close();
    expect((await open({ camera: 'spool-other' })).list(EVER)).toEqual(other.list(EVER));
  });
});
