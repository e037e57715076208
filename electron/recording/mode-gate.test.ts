import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { UnitMaker, type MuxedUnit } from '../../test/fixtures/muxed-units.ts';
import { recordingParts } from '../../test/fixtures/recording-parts.ts';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import type { Cause } from '../segment/segment-cutter.ts';
import type { Storage } from '../storage/client.ts';
import type { NewSegment } from '../storage/interface.ts';
import { MANUAL, ModeGate } from './mode-gate.ts';
import { Recorder } from './recorder.ts';

const T0 = Date.UTC(2026, 10, 23, 10, 0, 7);
const FRAME_MS = 40;
const GROUP_MS = 2_000;

let clock: SimulatedClock;
let settings: { preRollS: number; postRollS: number };
let maker: UnitMaker;
/** Milliseconds since T0 of the frames that reached the recorder, and why it was held. */
let recorded: number[];
let held: (Cause | null)[];
let gate: ModeGate;
/** Media time of the next frame. */
let position: number;

const recorder = {
  push: (unit: AccessUnit) => void recorded.push(unit.utc - T0),
  hold: (cause: Cause | null) => void held.push(cause),
};

function newGate(limits?: { bytes: number; groupMs: number }): void {
  gate = new ModeGate({ recorder, clock, settings: () => settings, ...(limits ? { limits } : {}) });
}

beforeEach(() => {
  clock = new SimulatedClock(T0);
  settings = { preRollS: 5, postRollS: 10 };
  maker = new UnitMaker();
  recorded = [];
  held = [];
  position = 0;
  newGate();
});

function unitAt(ms: number, bytes = 100): MuxedUnit {
  return maker.unit({ at: T0 + ms, dts: ms, key: ms % GROUP_MS === 0, bytes });
}

/** The camera goes on for so long, a frame each 40 ms. */
async function play(ms: number, bytes = 100): Promise<void> {
  for (const end = position + ms; position < end; position += FRAME_MS) {
    gate.push(unitAt(position, bytes));
    await clock.advance(FRAME_MS);
  }
}

const first = () => recorded[0];
const last = () => recorded.at(-1) ?? -1;
/** Each frame between the first and the last, once. */
function expectWhole(times = recorded): void {
  const from = times[0] ?? 0;
  expect(times).toEqual(Array.from({ length: times.length }, (_, index) => from + index * FRAME_MS));
}

describe('the gate of a camera', () => {
  it('lets everything through when it is recorded all the time', async () => {
    gate.setMode('continuous');
    gate.source(true);
    await play(3_000);
    expect(recorded).toHaveLength(75);
    expect(held).toEqual([]);
  });

  it('lets nothing through when the schedule says off, and keeps nothing in memory', async () => {
    gate.setMode('off');
    gate.source(true);
    await play(6_000);
    gate.begin('motion');
    await play(2_000);
    expect(recorded).toEqual([]);
    expect(held.at(-1)).toMatchObject({ reason: 'schedule' });
    expect(gate.stats.preRollBytes).toBe(0);
  });

  it('records an event from whole groups before it to the post-roll behind it', async () => {
    gate.setMode('events');
    gate.source(true);
    await play(21_000);
    expect(recorded).toEqual([]);
    expect(held.at(-1)).toMatchObject({ reason: 'no-event' });
    gate.begin('motion');
    await play(4_000);
    gate.end('motion');
    await play(20_000);
    // 21 s less 5 s, back to its keyframe; 25 s and 10 s, up to the next one.
    expect(first()).toBe(16_000);
    expect(last()).toBe(36_000 - FRAME_MS);
    expectWhole();
    expect(held.at(-1)).toMatchObject({ reason: 'no-event' });
  });

  it('records two events near to each other as one, and of two with a moment in between nothing twice and nothing not', async () => {
    gate.setMode('events');
    gate.source(true);
    await play(10_000);
    gate.begin('motion');
    await play(1_000);
    gate.end('motion');
    await play(9_000);
    const holds = held.length;
    gate.begin('motion');
    gate.begin('doorbell');
    await play(1_000);
    gate.end('motion');
    gate.end('doorbell');
    await play(10_000);
    expect(held).toHaveLength(holds);
    // The post-roll is over at 31 s, recording at the keyframe of 32 s; the next event comes 3 s later.
    await play(4_000);
    expect(held).toHaveLength(holds + 1);
    expect(last()).toBe(32_000 - FRAME_MS);
    gate.begin('motion');
    await play(1_000);
    expectWhole();
    expect(last()).toBe(36_000 - FRAME_MS);
  });

  it('has no pre-roll of another timeline, nor an old one', async () => {
    gate.setMode('events');
    gate.source(true);
    await play(5_000);
    maker = new UnitMaker({ timeline: 2 });
    await play(1_000);
    gate.begin('motion');
    await play(2_000);
    expect(first()).toBe(6_000);
    gate.end('motion');
    await play(12_000);
    recorded = [];
    await clock.advance(60_000);
    gate.begin('motion');
    await clock.advance(1_000);
    expect(recorded).toEqual([]);
  });

  it('keeps the memory within its limit in bytes and counts what did not fit', async () => {
    newGate({ bytes: 60_000, groupMs: 60_000 });
    settings.preRollS = 30;
    gate.setMode('events');
    gate.source(true);
    for (let second = 0; second < 20; second += 1) {
      await play(1_000, 400);
      expect(gate.stats.preRollBytes).toBeLessThanOrEqual(60_000);
    }
    expect(gate.stats.preRollDropped).toBeGreaterThan(100);
    gate.begin('motion');
    await play(1_000);
    expect((first() ?? 0) % GROUP_MS).toBe(0);
    expectWhole();
  });

  it('keeps no group that has no end', async () => {
    newGate({ bytes: 1e9, groupMs: 10_000 });
    gate.setMode('events');
    gate.source(true);
    gate.push(unitAt(0));
    for (position = FRAME_MS; position < 30_000; position += FRAME_MS) {
      gate.push(maker.unit({ at: T0 + position, dts: position, key: false }));
      await clock.advance(FRAME_MS);
    }
    expect(gate.stats.preRollBytes).toBe(0);
    expect(gate.stats.preRollDropped).toBeGreaterThan(0);
  });

  it('hands a long pre-roll on in pieces, and what comes live behind it', async () => {
    settings.preRollS = 30;
    gate.setMode('events');
    gate.source(true);
    await play(30_000);
    gate.begin('motion');
    expect(recorded.length).toBeLessThanOrEqual(32);
    await clock.advance(20);
    expect(recorded.length).toBeLessThanOrEqual(64);
    await play(2_000);
    expect(last()).toBe(32_000 - FRAME_MS);
    expectWhole();
  });

  it('records what a person wants whatever the schedule says', async () => {
    gate.setMode('off');
    gate.source(true);
    await play(4_000);
    gate.begin(MANUAL);
    await play(3_000);
    expect(first()).toBe(4_000);
    gate.end(MANUAL);
    await play(3_000);
    expect(last()).toBe(7_000 - FRAME_MS);
    gate.setMode('events');
    await play(8_000);
    recorded = [];
    gate.begin(MANUAL);
    await play(2_000);
    expect(first()).toBe(12_000);
    gate.setMode('continuous');
    gate.end(MANUAL);
    await play(2_000);
    expectWhole();
    expect(last()).toBe(22_000 - FRAME_MS);
  });

  it('leaves it to the recorder to say why, while the camera is away', async () => {
    gate.setMode('events');
    expect(held.at(-1)).toBeNull();
    gate.source(true);
    expect(held.at(-1)).toMatchObject({ reason: 'no-event' });
    gate.source(false);
    expect(held.at(-1)).toBeNull();
    gate.setMode('off');
    expect(held.at(-1)).toMatchObject({ reason: 'schedule' });
  });

  it('ends the recording after a while also when no keyframe comes', async () => {
    gate.setMode('events');
    gate.source(true);
    gate.push(unitAt(0));
    gate.begin('motion');
    gate.end('motion');
    const push = async (seconds: number) => {
      for (let ms = 0; ms < seconds * 1000; ms += 100) {
        position += 100;
        gate.push(maker.unit({ at: T0 + position, dts: position, key: false }));
        await clock.advance(100);
      }
    };
    await push(15);
    expect(gate.open).toBe(true);
    await push(6);
    expect(gate.open).toBe(false);
  });
});

describe('a pre-roll', () => {
  it('costs no disk: no file is there before something happens', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'keyhole-gate-'));
    const rows: NewSegment[] = [];
    const call = (async (name: string, args: NewSegment) => {
      if (name === 'insertSegment') rows.push(args);
      return 1;
    }) as Storage['call'];
    const real = new Recorder({
      camera: { id: 'cam-aaaaaaaa', key: 0 },
      ...recordingParts({ call }, dataDir),
      clock,
      log: silentLog,
      remux: () => {
        throw new Error('these units come with their fragments');
      },
    });
    gate = new ModeGate({ recorder: real, clock, settings: () => settings });
    const files = () => (readdirSync(dataDir, { recursive: true }) as string[]).filter((name) => name.endsWith('.mp4'));
    gate.setMode('events');
    real.sourceStatus({ state: 'live', reason: null });
    gate.source(true);
    await play(60_000);
    await real.settled();
    expect(files()).toEqual([]);
    expect(real.reason).toMatchObject({ reason: 'no-event' });
    gate.begin('motion');
    await play(1_000);
    gate.end('motion');
    await play(15_000);
    gate.close();
    await real.close();
    expect(files()).toHaveLength(rows.length);
    expect(rows.map(({ start, end }) => [start - T0, end - T0])).toEqual([[54_000, 72_000]]);
    rmSync(dataDir, { recursive: true, force: true });
  });
});
