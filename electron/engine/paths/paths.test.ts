import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import type { CameraPath, PathAttempt, SourcePathReport } from '../../contract/model.ts';
import type { SourceStatus } from '../../sources/source.ts';
import { Storage } from '../../storage/client.ts';
import type { StorageArgs, StorageCall, StorageReply } from '../../storage/interface.ts';
import { Paths } from './paths.ts';

const DAY = 86_400_000;
const GB = 1_000_000_000;

/** The real database, whose writes can be made to fail; what was written is remembered. */
class Disk {
  readonly storage: Storage;
  writes = 0;
  full = false;

  constructor(storage: Storage) {
    this.storage = storage;
  }

  call<N extends StorageCall>(name: N, args: StorageArgs<N>): Promise<StorageReply<N>> {
    if (name === 'notePaths') this.writes += 1;
    if (name === 'notePaths' && this.full) return Promise.reject(new CodedError('disk-full', 'The disk is full.'));
    return this.storage.call(name, args);
  }
}

let dataDir: string;
let disk: Disk;
let clock: SimulatedClock;
let key: number;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-ways-'));
  disk = new Disk(await Storage.open({ dataDir, log: silentLog }));
  clock = new SimulatedClock(Date.UTC(2026, 0, 30));
  const camera = { id: 'cam-aaaaaaaa', name: 'Yard', createdAt: clock.now(), sourceKind: 'p2p', source: new Uint8Array() } as const;
  ({ key } = await disk.call('addCamera', camera));
});
afterEach(async () => {
  await disk.storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const begin = () => {
  const paths = new Paths({ storage: disk, clock, log: silentLog });
  paths.start();
  return paths;
};
const way = (kind: CameraPath['kind']): CameraPath => ({ kind, local: '10.0.0.2:1', remote: '10.0.0.3:2', rttMs: 3, lossPct: 0 });
const report = (relayedBytes: number, attempts: readonly PathAttempt[] = []): SourcePathReport => ({
  pairs: [],
  attempts,
  mine: null,
  theirs: null,
  kbps: null,
  why: '',
  advice: [],
  relayedBytes,
});
const live = (kind: CameraPath['kind'], relayedBytes = 0): SourceStatus => ({
  state: 'live',
  reason: null,
  path: way(kind),
  report: report(relayedBytes),
});
const gone: SourceStatus = { state: 'offline', reason: { code: 'peer-absent', text: 'Not there.' }, path: null };

describe('the ways of all cameras', () => {
  it('are there after the app was closed and opened again, and what was between is not claimed', async () => {
    const first = begin();
    const before = await first.open({ key, policy: { kind: 'allow' } });
    before.status(live('relay'));
    await clock.advance(60_000);
    before.status(gone);
    await clock.advance(30_000);
    await before.close();
    await first.close();
    await clock.advance(3_600_000);

    const second = begin();
    const after = await second.open({ key, policy: { kind: 'allow' } });
    after.status(live('srflx'));
    await clock.advance(5000);
    const history = await after.history();
    expect(history.map(({ kind, reason, from, to }) => [kind, reason?.code ?? null, to - from])).toEqual([
      ['none', null, DAY - 3_695_000],
      ['relay', null, 60_000],
      ['none', 'peer-absent', 30_000],
      ['none', null, 3_600_000],
      ['srflx', null, 5000],
    ]);
    await second.close();
  });

  it('say nothing new while pictures come by a way that nobody has named yet', async () => {
    const paths = begin();
    const camera = await paths.open({ key, policy: { kind: 'allow' } });
    camera.status(live('host'));
    await clock.advance(1000);
    camera.status({ ...live('host'), path: null });
    await clock.advance(1000);
    expect((await camera.history()).at(-1)).toMatchObject({ kind: 'host', from: clock.now() - 2000 });
    await paths.close();
  });

  it('cost one transaction in ten seconds at most, and none when nothing is new', async () => {
    const paths = begin();
    const cameras = await Promise.all([0, 1, 2].map(() => paths.open({ key, policy: { kind: 'allow' } })));
    for (let second = 1; second <= 30; second += 1) {
      for (const [index, camera] of cameras.entries()) camera.status(live(second % 2 ? 'relay' : 'srflx', second * 10 + index));
      await clock.advance(1000);
      // Reading waits for what is being written.
      await cameras[0]?.history();
      expect(disk.writes).toBe(Math.floor(second / 10));
    }
    await clock.advance(10_000);
    await cameras[0]?.history();
    const { writes } = disk;
    await clock.advance(20_000);
    await cameras[0]?.history();
    expect(disk.writes).toBe(writes);
    await paths.close();
  });

  it('bytes through relays survive a disk that was full and a restart', async () => {
    const first = begin();
    const before = await first.open({ key, policy: { kind: 'budget', bytesPerMonth: GB } });
    disk.full = true;
    before.status(live('relay', 600_000_000));
    await clock.advance(20_000);
    disk.full = false;
    before.status(live('relay', 700_000_000));
    await clock.advance(10_000);
    before.status(live('relay', 750_000_000));
    await first.close();
    expect((await before.history()).at(-1)).toMatchObject({ kind: 'relay', from: clock.now() - 30_000 });

    const second = begin();
    const after = await second.open({ key, policy: { kind: 'budget', bytesPerMonth: GB } });
    expect(after.relay.bytes).toBe(750_000_000);
    after.status(live('relay', 249_999_999));
    expect(after.relay.allowed()).toBe(true);
    after.status(live('relay', 250_000_000));
    expect(after.relay.refusal()?.code).toBe('relay-budget-spent');
    await second.close();
  });

  it('count each try once, however often it is told', async () => {
    const paths = begin();
    const camera = await paths.open({ key, policy: { kind: 'allow' } });
    const attempt = (at: number, way: PathAttempt['way'], ok: boolean): PathAttempt => ({ at: clock.now(), way, ok, ms: at, text: '' });
    const ice = attempt(1, 'ice', true);
    const told: PathAttempt[] = [ice];
    camera.status({ ...live('relay'), report: report(0, told) });
    camera.status({ ...live('relay'), report: report(0, told) });
    await clock.advance(1000);
    const birthday = attempt(2, 'birthday', false);
    camera.status({ ...live('relay'), report: report(0, [birthday, ice]) });
    await clock.advance(1000);
    camera.status({ ...live('relay'), report: report(0, [attempt(3, 'birthday', false), birthday]) });
    expect(camera.attempts.rows).toEqual([
      { way: 'ice', ok: true, count: 1 },
      { way: 'birthday', ok: false, count: 2 },
    ]);
    await paths.close();
  });
});
