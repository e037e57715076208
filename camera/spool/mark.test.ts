import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordSpool } from '../../test/fixtures/spool-footage.ts';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { StateFolder } from '../state-folder.ts';
import { KeptMarks } from './kept-marks.ts';
import { SpoolMark } from './mark.ts';
import { CameraSpool } from './spool.ts';

const T0 = Date.UTC(2026, 10, 25, 10);
const EVER = { from: 0, to: 1e14, after: null, limit: 1_000 };
let dir: string;
/** Where the spool's disk is mounted. */
let root: string;
let clock: SimulatedClock;
let opened: CameraSpool[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'keyhole-spool-mark-'));
  root = join(dir, 'disk');
  clock = new SimulatedClock(T0);
  opened = [];
});
afterEach(async () => {
  for (const spool of opened) await spool.close();
  rmSync(dir, { recursive: true, force: true });
});

const marks = () => new KeptMarks(new StateFolder(join(dir, 'state')), silentLog);

/** A camera that is started, also one that was before. */
async function open(camera = 'spool-test', marked = marks()): Promise<CameraSpool> {
  const spool = new CameraSpool({
    root,
    camera,
    limits: { bytes: 1e9, ageMs: 7 * 86_400_000 },
    marked,
    clock,
    log: silentLog,
    bootClock: { boot: 'one', startedAt: () => clock.now() - clock.monotonic() },
    remux: () => {
      throw new Error('these units have their fragments');
    },
  });
  opened.push(spool);
  await spool.start();
  return spool;
}

/** What is left of a disk is its mount point, an empty folder. */
function unmount(): void {
  renameSync(root, join(dir, 'unmounted'));
  mkdirSync(root);
}

/** Not where anything was written into the mount point. */
async function mount(spool: CameraSpool): Promise<void> {
  rmdirSync(root);
  renameSync(join(dir, 'unmounted'), root);
  await expect
    .poll(async () => {
      await clock.advance(1_000);
      return spool.state.reason;
    })
    .toBeNull();
}

describe('a spool whose disk is not mounted', () => {
  it('when the camera starts is neither taken for empty nor written to, and is taken up again', async () => {
    const first = await open();
    await recordSpool(first, clock, 40);
    await first.close();
    const before = first.list(EVER);
    unmount();
    const spool = await open();
    expect(spool.state).toMatchObject({ since: null, reason: { code: 'disk-missing' } });
    expect(spool.state.reason?.text).toContain(`${root} is not connected`);
    await recordSpool(spool, clock, 40);
    expect(readdirSync(root)).toEqual([]);
    await mount(spool);
    expect(spool.list(EVER)).toEqual(before);
    await recordSpool(spool, clock, 40);
    await spool.close();
    expect(spool.list(EVER).slice(0, before.length)).toEqual(before);
    expect(spool.list(EVER).at(-1)?.end).toBe(clock.now());
  });

  it('any more loses nothing of what is on it, and is not written to', async () => {
    const spool = await open();
    await recordSpool(spool, clock, 40);
    const before = spool.list(EVER);
    unmount();
    await recordSpool(spool, clock, 40);
    expect(readdirSync(root)).toEqual([]);
    expect(spool.state).toMatchObject({ since: null, reason: { code: 'disk-missing' } });
    expect(spool.list(EVER)).toEqual([]);
    await mount(spool);
    expect(spool.list(EVER).slice(0, before.length)).toEqual(before);
    const back = clock.now();
    await recordSpool(spool, clock, 40);
    await spool.close();
    const after = spool.list(EVER).filter(({ start }) => start >= back);
    expect([after[0]?.start, after.at(-1)?.end]).toEqual([back, clock.now()]);
  });

  it('gets no folder for a file that begins just then', async () => {
    const mark = new SpoolMark(root, 'spool-test', marks());
    await mark.admit();
    unmount();
    await expect(mark.disk.makeFolder(join(root, 'recordings/spool-test/2026-11-25'))).rejects.toMatchObject({ code: 'disk-missing' });
    expect(readdirSync(root)).toEqual([]);
  });

  it('keeps a file that is asked for meanwhile', async () => {
    const spool = await open();
    await recordSpool(spool, clock, 40);
    const before = spool.list(EVER);
    const key = before[0]?.key ?? 0;
    unmount();
    await expect(spool.read(key, 0, 10)).rejects.toMatchObject({ code: 'disk-missing' });
    expect(spool.state.reason).toMatchObject({ code: 'disk-missing' });
    await mount(spool);
    expect((await spool.read(key, 0, 10)).length).toBe(10);
  });

  it('is noticed though nothing is recorded', async () => {
    const spool = await open();
    await recordSpool(spool, clock, 40);
    await clock.advance(30_000);
    await spool.settled();
    unmount();
    await clock.advance(30_000);
    await spool.settled();
    expect(spool.state).toMatchObject({ since: null, reason: { code: 'disk-missing' } });
  });
});

describe('the mark of a spool', () => {
  it('is left in a folder that is used first, for each camera its own', async () => {
    await open();
    await open('spool-other');
    for (const camera of ['spool-test', 'spool-other'])
      expect(existsSync(join(root, 'recordings', camera, 'keyhole-spool.json'))).toBe(true);
  });

  it('counts where a camera does not know it yet', async () => {
    await (await open()).close();
    rmSync(join(dir, 'state'), { recursive: true });
    await (await open()).close();
    unmount();
    expect((await open()).state.reason).toMatchObject({ code: 'disk-missing' });
  });

  it('is kept in mind without a place to keep it, too', async () => {
    const marked = new KeptMarks(
      {
        read: () => 'torn',
        write: () => {
          throw new Error('read-only');
        },
      },
      silentLog,
    );
    await (await open('spool-test', marked)).close();
    unmount();
    expect((await open('spool-test', marked)).state.reason).toMatchObject({ code: 'disk-missing' });
  });
});
