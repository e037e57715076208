import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UnitMaker } from '../../test/fixtures/muxed-units.ts';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { Broadcast } from '../contract/events.ts';
import { DEFAULT_RECORDING, type RecordingSettings } from '../contract/model.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import { wallClock } from '../recording/schedule.ts';
import type { Cause } from '../segment/segment-cutter.ts';
import { Storage } from '../storage/client.ts';
import { CameraModes } from './camera-modes.ts';

/** A Monday. */
const T0 = Date.UTC(2026, 10, 23, 10);
const at = (seconds: number): UtcMs => utcMs(T0 + seconds * 1000);
const EVENTS_ONLY = { otherwise: 'events', periods: [] } as const;
const NEVER = { otherwise: 'off', periods: [] } as const;

let dataDir: string;
let storage: Storage;
let clock: SimulatedClock;
let settings: RecordingSettings;
let maker: UnitMaker;
let recorded: number[];
let held: (Cause | null)[];
let told: Broadcast[];
let modes: CameraModes;
let position: number;

const recorder = {
  push: (unit: AccessUnit) => void recorded.push((unit.utc - T0) / 1000),
  hold: (cause: Cause | null) => void held.push(cause),
  sourceStatus: () => {},
  recording: false,
  reason: null,
  segments: () => [],
  close: () => Promise.resolve(),
};

function open(schedule: RecordingSettings['schedule']): void {
  settings = { ...DEFAULT_RECORDING, schedule, preRollS: 4, postRollS: 10, motion: { detect: false, sensitivity: 50 } };
  modes = new CameraModes({
    camera: { id: 'cam-aaaaaaaa', key: 1, settings: () => settings },
    recorder,
    storage,
    events: { emit: (broadcast) => told.push(broadcast) },
    clock,
    log: silentLog,
    onChanged: () => {},
    wall: wallClock('UTC'),
  });
  modes.sourceStatus({ state: 'live', reason: null, path: null });
}

/** A keyframe each second. */
async function play(seconds: number): Promise<void> {
  for (const end = position + seconds * 1000; position < end; position += 500) {
    modes.push(maker.unit({ at: T0 + position, dts: position, key: position % 1000 === 0 }));
    await clock.advance(500);
  }
}

/** The database has answered everything. */
const settled = () => storage.call('setting', { key: 'none' });
const kinds = () => told.map((broadcast) => ('event' in broadcast ? `${broadcast.kind} ${broadcast.event.kind}` : broadcast.kind));

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keyhole-modes-'));
  storage = await Storage.open({ dataDir, log: silentLog });
  clock = new SimulatedClock(T0);
  maker = new UnitMaker();
  recorded = [];
  held = [];
  told = [];
  position = 0;
});

afterEach(async () => {
  await modes.close();
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('how a camera is recorded', () => {
  it('changes at the very moment at which its schedule does', async () => {
    const periods = [{ days: [0], fromMinute: 10 * 60 + 1, toMinute: 10 * 60 + 2, mode: 'off' as const }];
    open({ otherwise: 'continuous', periods });
    expect(modes.now).toMatchObject({ mode: 'continuous', next: { at: at(60), mode: 'off' } });
    await play(180);
    const missing = Array.from({ length: 360 }, (_, index) => index / 2).filter((second) => !recorded.includes(second));
    expect([missing[0], missing.at(-1), missing.length]).toEqual([60, 119.5, 120]);
    expect(modes.now).toMatchObject({ mode: 'continuous', next: { at: at(7 * 86_400 + 60), mode: 'off' } });
  });

  it('follows other settings at once', async () => {
    open(NEVER);
    await play(5);
    expect(recorded).toEqual([]);
    settings = { ...settings, schedule: { otherwise: 'continuous', periods: [] } };
    modes.settingsChanged();
    await play(5);
    expect(recorded[0]).toBe(5);
  });

  it('is what a person wants, until then or until cancelled, and after a restart too', async () => {
    open(NEVER);
    await play(2);
    await modes.recordNow(1);
    expect(modes.now.manual).toEqual({ until: at(62) });
    await play(10);
    await modes.close();
    recorded = [];
    open(NEVER);
    await settled();
    await settled();
    expect(modes.now.manual).toEqual({ until: at(62) });
    await play(70);
    expect([recorded[0], recorded.at(-1)]).toEqual([12, 61.5]);
    expect(modes.now.manual).toBeNull();
    await modes.recordNow(null);
    await modes.cancelNow();
    expect(modes.now.manual).toBeNull();
    await modes.close();
    open(NEVER);
    await settled();
    await settled();
    expect(modes.now.manual).toBeNull();
    const events = await storage.call('events', { camera: 1, from: at(0), to: at(1000), kind: 'manual' });
    expect(events.map(({ start, end, source }) => [start, end, source])).toEqual([
      [at(2), at(12), 'person'],
      [at(12), at(62), 'person'],
      [at(82), at(82), 'person'],
    ]);
  });

  it('takes the events of other systems: now, lasting, to come, or over', async () => {
    open(EVENTS_ONLY);
    await play(20);
    expect(recorded).toEqual([]);
    await modes.addEvent({ kind: 'doorbell', text: 'ding' });
    expect(modes.now.lastEvent).toEqual({ kind: 'doorbell', from: at(20), to: at(20) });
    await play(20);
    expect([recorded[0], recorded.at(-1)]).toEqual([16, 29.5]);
    recorded = [];
    await modes.addEvent({ kind: 'alarm', at: at(45), durationS: 5 });
    await modes.addEvent({ kind: 'alarm', at: at(5), until: at(6) });
    await play(40);
    expect([recorded[0], recorded.at(-1)]).toEqual([41, 59.5]);
    expect(kinds()).toEqual(['event.ended doorbell', 'event.started alarm', 'event.ended alarm', 'event.ended alarm']);
    await expect(modes.addEvent({ kind: 'alarm', at: at(5), until: at(4) })).rejects.toMatchObject({ code: 'bad-request' });
    await expect(modes.addEvent({ kind: 'alarm', at: at(10_000) })).rejects.toMatchObject({ code: 'bad-request' });
    for (let index = 0; index < 100; index += 1)
      if ((await modes.addEvent({ kind: 'alarm', durationS: 60 }).catch((error: { code: string }) => error.code)) === 'too-busy') return;
    throw new Error('it takes any number of events that are not over');
  });

  it('is everything while motion cannot be seen, and says so', async () => {
    open(EVENTS_ONLY);
    settings = { ...settings, motion: { detect: true, sensitivity: 50 } };
    modes.settingsChanged();
    expect(modes.now.detector).toMatchObject({ state: 'starting' });
    // Pictures that no decoder can make anything of.
    await play(12);
    expect(modes.now.detector).toMatchObject({ state: 'unhealthy', text: expect.stringContaining('Everything is recorded') });
    await play(3);
    expect(recorded.at(-1)).toBe(14.5);
    settings = { ...settings, motion: { detect: false, sensitivity: 50 } };
    modes.settingsChanged();
    expect(modes.now.detector).toBeNull();
    await play(5);
    expect(held.at(-1)).toMatchObject({ reason: 'no-event' });
  });
});

describe('events of other systems', () => {
  it('that come at once are no more than those that come one after another', async () => {
    open(EVENTS_ONLY);
    const asked = Array.from({ length: 50 }, () => modes.addEvent({ kind: 'door', until: at(60) }));
    const refused = (await Promise.allSettled(asked)).filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(18);
    expect(refused[0]).toMatchObject({ reason: { code: 'too-busy' } });
  });
});
