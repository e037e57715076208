import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GOP_MS, HealingWorld } from '../../test/fixtures/healing-world.ts';
import { DEFAULT_RECORDING, utcMs } from '../contract/model.ts';

let world: HealingWorld;
beforeEach(async () => {
  world = await HealingWorld.open();
});
afterEach(() => world.close());

describe('healing', () => {
  it('asks for nothing that is there already, and for nothing twice', async () => {
    await world.outage(60);
    const reader = world.reader();
    world.readBy(reader);
    const part = world.healing();
    await part.round();
    const { bytes } = reader;
    expect(bytes).toBeGreaterThan(0);
    await part.round();
    await part.round();
    expect(reader.bytes).toBe(bytes);
  });

  it('leaves alone what nobody wants: the schedule, deleted footage, a setting', async () => {
    const { from, to } = await world.outage(60);
    const reader = world.reader();
    world.readBy(reader);
    world.settings = { ...DEFAULT_RECORDING, heal: false };
    expect(await world.healing().round()).toBe('cut');
    world.settings = DEFAULT_RECORDING;
    world.access = { ...world.access, isRelayed: true };
    expect(await world.healing().round()).toBe('cut');
    world.access = { ...world.access, isRelayed: false };
    await world.storage.call('addGap', {
      camera: world.key,
      start: from,
      end: utcMs(to + GOP_MS),
      reason: 'deleted-by-person',
      text: 'Deleted.',
    });
    expect(await world.healing().round()).toBe('done');
    expect(reader.bytes).toBe(0);
    expect((await world.recordings({ from: utcMs(from + 2_000), to: utcMs(to - 2_000) })).coverage).toBe(0);
  });

  it('leaves alone what was missed before this computer’s clock was set: its true times are not known', async () => {
    const { from, to } = await world.outage(30);
    const reason = { reason: 'session-lost', text: 'The link was lost.' } as const;
    await world.storage.call('addGap', { camera: world.key, start: from, end: utcMs(to + GOP_MS), ...reason });
    const set = utcMs(world.clock.now() - 5_000);
    const run = await world.storage.call('beginRun', { at: set });
    const text = 'The clock was set forward by 1 s: this time never was.';
    const facts = [{ start: utcMs(set - 1_000), end: set, reason: 'clock-set' as const, text, weak: false }];
    await world.storage.call('continueRun', { run, until: utcMs(set - 1_000), at: set, facts });
    await world.healing().round();
    expect(world.added.filter((span) => span.from < set)).toEqual([]);
    // Missing for the reason it went missing for.
    const { gaps } = await world.recordings({ from: utcMs(from + GOP_MS), to: utcMs(to - GOP_MS) });
    expect(gaps).toEqual([{ from: from + GOP_MS, to: to - GOP_MS, ...reason }]);
  });
});
