import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CameraSpool } from '../../camera/spool/spool.ts';
import type { SpoolAccess, SpoolReader } from '../../peer/session/bulk-client.ts';
import { CHUNK_BYTES } from '../../peer/session/bulk-messages.ts';
import { recordingParts } from '../../test/fixtures/recording-parts.ts';
import { AUDIO, UnitMaker, VIDEO } from '../../test/fixtures/muxed-units.ts';
import { SimulatedClock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { DEFAULT_RECORDING, utcMs, type RecordingSettings, type Span } from '../contract/model.ts';
import { Playback } from '../playback/playback.ts';
import { Recorder } from '../recording/recorder.ts';
import { scanSegment } from '../segment/segment-scan.ts';
import { Storage } from '../storage/client.ts';
import { CameraHealing } from './camera-healing.ts';
import { WINDOW_CHUNKS } from './fetch.ts';

const T0 = Date.UTC(2026, 10, 25, 10);
const ID = 'cam-abcdefgh';
const EVER = { from: utcMs(T0 - 3_600_000), to: utcMs(T0 + 86_400_000) };
/** Four frames a second. */
const [FRAME_MS, GOP_MS] = [250, 2_000];

let dir: string;
let clock: SimulatedClock;
let storage: Storage;
let playback: Playback;
let spool: CameraSpool;
let key: number;
let recorder: Recorder | null;
let settings: RecordingSettings;
let access: SpoolAccess | null;
/** The camera's clock is so far ahead of the app's. */
const AHEAD_MS = 12_345;
const UNUSED = {
  remux: () => {
    throw new Error('these units have their fragments');
  },
};

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'keyhole-healing-'));
  clock = new SimulatedClock(T0);
  settings = DEFAULT_RECORDING;
  recorder = null;
  storage = await Storage.open({ dataDir: join(dir, 'app'), log: silentLog });
  ({ key } = await storage.call('addCamera', { id: ID, name: 'Yard', createdAt: utcMs(T0), sourceKind: 'p2p', source: new Uint8Array() }));
  const run = await storage.call('beginRun', { at: utcMs(T0) });
  await storage.call('touchRun', { run, at: utcMs(T0 + 86_400_000) });
  playback = new Playback({
    ...recordingParts(storage, join(dir, 'app')),
    clock,
    log: silentLog,
    unlisted: () => recorder?.segments() ?? [],
  });
  spool = await openSpool();
  access = { reader: direct(), state: spool.state, clockOffsetMs: AHEAD_MS, isRelayed: false };
});
afterEach(async () => {
  await recorder?.close();
  await spool.close();
  await storage.close();
  rmSync(dir, { recursive: true, force: true });
});

async function openSpool(): Promise<CameraSpool> {
  const theirs = { ...clockOf(clock), now: () => utcMs(clock.now() + AHEAD_MS) };
  const opened = new CameraSpool({
    root: join(dir, 'camera'),
    camera: 'spool-yard',
    limits: { bytes: 1e9, ageMs: 7 * 86_400_000 },
    clock: theirs,
    log: silentLog,
    bootClock: { boot: 'one', startedAt: () => theirs.now() - clock.monotonic() },
    ...UNUSED,
  });
  await opened.start();
  return opened;
}
const clockOf = (of: SimulatedClock) => ({
  monotonic: () => of.monotonic(),
  setTimeout: (run: () => void, ms: number) => of.setTimeout(run, ms),
});

/** The spool without a network in between; `alter` may change what is read. */
function direct(
  options: { alter?: (key: number, offset: number, bytes: Buffer) => Buffer; each?: () => void } = {},
): SpoolReader & { bytes: number } {
  const reader = {
    bytes: 0,
    list: ({ from, to, after }: { from: number; to: number; after: number | null }) => {
      const segments = spool.list({ from, to, after, limit: 6 });
      return Promise.resolve({ segments: segments.slice(0, 5), more: segments.length > 5 });
    },
    open: (of: number) => spool.open(of),
    read: async (of: number, offset: number, length: number) => {
      options.each?.();
      const bytes = await spool.read(of, offset, length);
      reader.bytes += bytes.length;
      return options.alter?.(of, offset, bytes) ?? bytes;
    },
  };
  return reader;
}

function healing(): CameraHealing {
  return new CameraHealing(
    {
      id: ID,
      key,
      name: 'Yard',
      createdAt: utcMs(T0),
      settings: () => settings,
      spool: () => access && { ...access, state: spool.state },
      mayRelay: () => false,
      gaps: async (range) => (await playback.recordings({ camera: ID, ...range })).gaps,
      added: (span) => added.push(span),
    },
    { ...recordingParts(storage, join(dir, 'app')), dataDir: join(dir, 'app'), clock, log: silentLog },
  );
}
let added: Span[] = [];

function newRecorder(): Recorder {
  const made = new Recorder({ camera: { id: ID, key }, ...recordingParts(storage, join(dir, 'app')), clock, log: silentLog, ...UNUSED });
  made.sourceStatus({ state: 'live', reason: null });
  return made;
}

let frames = 0;
/** The camera shows `seconds`; the app records what `live` says. A group each 2 s, sound beside it. */
async function show(seconds: number, live: boolean): Promise<void> {
  if (live) recorder ??= newRecorder();
  else {
    await recorder?.close();
    recorder = null;
  }
  for (let count = 0; count < (seconds * 1_000) / FRAME_MS; count += 1, frames += 1) {
    const dts = frames * FRAME_MS;
    for (const kind of ['audio', 'video'] as const) {
      const unit = maker.unit({
        kind,
        dts,
        at: clock.now() + AHEAD_MS,
        key: kind === 'audio' || dts % GOP_MS === 0,
        duration: FRAME_MS,
        bytes: 400,
      });
      spool.push(unit);
      recorder?.push({ ...unit, utc: clock.now() });
    }
    await clock.advance(FRAME_MS);
  }
  await spool.settled();
  await recorder?.settled();
}
let maker: UnitMaker;
beforeEach(() => {
  maker = new UnitMaker({ configs: [VIDEO, AUDIO], timeline: 1 });
  frames = 0;
  added = [];
});

/** A link outage of so many seconds between live footage. The spool's file with its end is closed. */
async function outage(seconds: number): Promise<Span> {
  await show(61, true);
  const from = clock.now();
  await show(seconds, false);
  const to = clock.now();
  await show(40, true);
  return { from, to };
}
const recordings = (range: Span) => playback.recordings({ camera: ID, ...range });
const partsFolder = () => join(dir, 'app', 'healing', ID);

describe('healing', () => {
  it('fills an outage of ten minutes completely, at its true times, with its sound, and says so', async () => {
    const { from, to } = await outage(600);
    expect((await recordings({ from, to })).coverage).toBeLessThan(0.01);
    const part = healing();
    expect(await part.round()).toBe('done');
    const whole = await recordings({ from: utcMs(T0), to: clock.now() });
    expect(whole.gaps.filter(({ to: end }) => end <= to)).toEqual([]);
    expect((await recordings({ from, to })).coverage).toBe(1);
    const { healed } = await recordings({ from, to });
    expect(healed).toEqual([{ from, to }]);
    expect(part.counters.healedMs).toBeGreaterThanOrEqual(599_000);
    expect(part.status).toMatchObject({ fetching: null, problem: null });
    expect(added.length).toBeGreaterThan(30);
    // Every group plays, and those at the borders are not there twice.
    for (let at = from - 3_000; at < to + 3_000; at += 1_900) {
      const { value } = await playback.gop({ camera: ID, at: utcMs(at) });
      expect(value.kind).toBe('gop');
      if (value.kind !== 'gop') continue;
      expect(value.from).toBeLessThanOrEqual(at);
      expect((value.from - T0) % GOP_MS).toBe(0);
      expect(value.frames.length).toBe(at > from && at < to ? GOP_MS / FRAME_MS : value.frames.length);
    }
    expect(existsSync(partsFolder()) ? readdirSync(partsFolder()) : []).toEqual([]);
  });

  it('writes files that say of themselves what their rows say, with the hash of what is in them', async () => {
    await outage(60);
    await healing().round();
    const rows = (await storage.call('segmentsWithKeyframes', { camera: key, ...EVER })).filter(({ origin }) => origin === 'healed');
    expect(rows.length).toBeGreaterThan(3);
    const paths: string[] = [];
    for (const { start, end, bytes, keyframes, hash, codec } of rows) {
      const path = join(dir, 'app', 'recordings', ID, new Date(start).toISOString().slice(0, 10), `${start}.healed.mp4`);
      expect(createHash('sha256').update(readFileSync(path)).digest()).toEqual(Buffer.from(hash ?? []));
      expect((await scanSegment(path, start)).segment).toEqual({ start, end, bytes, keyframes, codec });
      paths.push(path);
    }
    const pictures = timesOf(paths[0] ?? '');
    expect(pictures[0]).toBe(0);
    expect(Math.abs(timesOf(paths[0] ?? '', 'a').length - pictures.length)).toBeLessThanOrEqual(1);
  });

  it('makes one clip of live, healed and live footage, without a group twice', async () => {
    const { from, to } = await outage(30);
    await healing().round();
    const chunks: Uint8Array[] = [];
    for await (const chunk of playback.clip({ camera: ID, from: utcMs(from - 10_000), to: utcMs(to + 10_000) })) chunks.push(chunk);
    const path = join(dir, 'clip.mp4');
    writeFileSync(path, Buffer.concat(chunks));
    const videoTimes = timesOf(path);
    expect(videoTimes).toHaveLength(Math.round((to - from + 20_000 + ((from - 10_000 - T0) % GOP_MS)) / FRAME_MS));
    for (const [index, time] of videoTimes.slice(1).entries()) expect(time - (videoTimes[index] ?? 0)).toBeCloseTo(FRAME_MS, -1);
  });

  it('asks for nothing that is there already, and for nothing twice', async () => {
    await outage(60);
    const reader = direct();
    access = access && { ...access, reader };
    const part = healing();
    await part.round();
    const { bytes } = reader;
    expect(bytes).toBeGreaterThan(0);
    await part.round();
    await part.round();
    expect(reader.bytes).toBe(bytes);
  });

  it('leaves alone what nobody wants: the schedule, deleted footage, a setting', async () => {
    const { from, to } = await outage(60);
    const reader = direct();
    access = access && { ...access, reader };
    settings = { ...DEFAULT_RECORDING, heal: false };
    expect(await healing().round()).toBe('cut');
    settings = DEFAULT_RECORDING;
    access = { ...access!, isRelayed: true };
    expect(await healing().round()).toBe('cut');
    access = { ...access, isRelayed: false };
    await storage.call('addGap', { camera: key, start: from, end: utcMs(to + GOP_MS), reason: 'deleted-by-person', text: 'Deleted.' });
    expect(await healing().round()).toBe('done');
    expect(reader.bytes).toBe(0);
    expect((await recordings({ from: utcMs(from + 2_000), to: utcMs(to - 2_000) })).coverage).toBe(0);
  });

  it('leaves alone what was missed before this computer’s clock was set: its true times are not known', async () => {
    await outage(30);
    const set = utcMs(clock.now() - 5_000);
    const run = await storage.call('beginRun', { at: set });
    const text = 'The clock was set forward by 1 s: this time never was.';
    const facts = [{ start: utcMs(set - 1_000), end: set, reason: 'clock-set' as const, text, weak: false }];
    await storage.call('continueRun', { run, until: utcMs(set - 1_000), at: set, facts });
    await healing().round();
    expect(added.filter(({ from }) => from < set)).toEqual([]);
  });

  it('fills the newest outage first', async () => {
    await outage(30);
    await outage(30);
    await healing().round();
    const starts = added.map((span) => span.from);
    expect(starts[0]).toBeGreaterThan(starts.at(-1) ?? 0);
    expect((await recordings({ from: utcMs(T0), to: utcMs(clock.now() - 20_000) })).coverage).toBe(1);
  });

  it('that is cut off goes on where it was, also in another process', async () => {
    const { from, to } = await outage(60);
    const chunks = { left: 3 };
    let total = 0;
    let rounds = 0;
    for (let outcome = 'cut'; outcome === 'cut'; rounds += 1) {
      expect(rounds).toBeLessThan(200);
      chunks.left = 3;
      const reader = direct({
        each: () => {
          if (chunks.left-- <= 0) throw new CodedError('session-lost', 'The camera was started anew.');
        },
      });
      access = access && { ...access, reader };
      outcome = await healing().round();
      total += reader.bytes;
    }
    expect(rounds).toBeGreaterThan(5);
    expect((await recordings({ from, to })).coverage).toBe(1);
    const needed = spool
      .list({ from: from + AHEAD_MS, to: to + AHEAD_MS, after: null, limit: 100 })
      .reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total).toBeLessThanOrEqual(needed + rounds * WINDOW_CHUNKS * CHUNK_BYTES);
    expect(total).toBeLessThanOrEqual(needed * 1.3);
  });

  it('begins a file anew that is another one now, or whose part is torn', async () => {
    const { from, to } = await outage(30);
    let left = 2;
    access = access && {
      ...access,
      reader: direct({
        each: () => {
          if (left-- <= 0) throw new CodedError('session-lost', 'Gone.');
        },
      }),
    };
    await healing().round();
    const [part] = readdirSync(partsFolder()).filter((name) => name.endsWith('.part'));
    expect(part).toBeDefined();
    // As the power leaves a file whose last blocks were not written.
    const path = join(partsFolder(), part ?? '');
    const { length } = readFileSync(path);
    truncateSync(path, 100);
    truncateSync(path, length);
    access = access && { ...access, reader: direct() };
    const healer = healing();
    await healer.round();
    expect(healer.counters.refused).toBe(1);
    await healer.round();
    expect((await recordings({ from, to })).coverage).toBe(1);
  });

  it('refuses a damaged file, says so, and fetches the others', async () => {
    const { from, to } = await outage(60);
    const [, bad] = spool.list({ from: from + AHEAD_MS, to: to + AHEAD_MS, after: null, limit: 10 });
    const alter = (of: number, _offset: number, bytes: Buffer) => {
      if (of === bad?.key) bytes[0] = (bytes[0] ?? 0) ^ 1;
      return bytes;
    };
    const reader = direct({ alter });
    access = access && { ...access, reader };
    const healer = healing();
    for (let round = 0; round < 4; round += 1) await healer.round();
    expect(healer.counters.refused).toBe(2);
    expect(healer.status.problem).toMatchObject({ text: expect.stringContaining('damaged') as string });
    const { gaps } = await recordings({ from, to });
    expect(gaps).toHaveLength(1);
    expect(gaps[0]?.to).toBeLessThanOrEqual((bad?.end ?? 0) - AHEAD_MS + 2_000);
    const { bytes } = reader;
    await healer.round();
    expect(reader.bytes).toBe(bytes);
  });

  it('leaves nothing of a camera that was removed in the middle', async () => {
    await outage(30);
    let left = 2;
    const each = () => {
      if (left-- <= 0) throw new CodedError('session-lost', 'Gone.');
    };
    access = access && { ...access, reader: direct({ each }) };
    const healer = healing();
    await healer.round();
    expect(readdirSync(partsFolder())).toHaveLength(2);
    await healer.forget();
    expect(existsSync(partsFolder())).toBe(false);
    expect(healer.canBegin).toBe(false);
  });

  it('has the true difference of the clocks by a keyframe that both have', async () => {
    const { from, to } = await outage(30);
    access = access && { ...access, clockOffsetMs: AHEAD_MS + 80 };
    await healing().round();
    const rows = (await storage.call('segmentsWithKeyframes', { camera: key, ...EVER })).filter(({ origin }) => origin === 'healed');
    const [first] = rows;
    expect(((first?.start ?? 0) - T0) % GOP_MS).toBe(0);
    expect((await recordings({ from, to })).coverage).toBe(1);
  });

  it('never takes a file whose end or beginning is not what the camera says', async () => {
    const { from, to } = await outage(30);
    for (const lie of [{ end: 60_000 }, { start: -60_000 }]) {
      const reader = direct();
      const { open } = reader;
      reader.open = async (of) => {
        const file = await open(of);
        return { ...file, start: file.start + (lie.start ?? 0), end: file.end + (lie.end ?? 0) };
      };
      access = access && { ...access, reader };
      const healer = healing();
      await healer.round();
      expect(healer.counters.refused).toBeGreaterThan(0);
    }
    expect((await recordings({ from: utcMs(from + 2_000), to: utcMs(to - 2_000) })).coverage).toBe(0);
  });

  it('of a camera that lists without an end, or the same again and again, is bounded', async () => {
    await outage(60);
    let pages = 0;
    const real = direct();
    const reader: SpoolReader & { bytes: number } = {
      ...real,
      bytes: 0,
      list: async (range) => {
        pages += 1;
        const { segments } = await real.list({ ...range, after: null });
        const [one] = segments;
        return { segments: Array.from({ length: 128 }, (_, index) => ({ ...one!, key: pages * 1_000 + index })), more: true };
      },
      open: (of) => Promise.reject(new CodedError('not-found', `There is no ${of}.`)),
    };
    access = access && { ...access, reader };
    await healing().round();
    expect(pages).toBeLessThanOrEqual(200);
  });
});

function timesOf(path: string, stream: 'v' | 'a' = 'v'): number[] {
  const out = execFileSync(
    'ffprobe',
    ['-v', 'error', '-select_streams', stream, '-show_entries', 'packet=dts_time', '-of', 'csv=p=0', path],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  return out
    .toString()
    .split('\n')
    .filter(Boolean)
    .map((line) => Math.round(parseFloat(line) * 1000));
}
