import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SpoolReader } from '../../peer/session/bulk-client.ts';
import { AHEAD_MS, HealingWorld } from '../../test/fixtures/healing-world.ts';
import { CodedError } from '../base/errors.ts';
import { utcMs } from '../contract/model.ts';
import { WINDOW_CHUNKS } from './fetch.ts';

let world: HealingWorld;
beforeEach(async () => {
  world = await HealingWorld.open();
});
afterEach(() => world.close());

describe('healing', () => {
  it('refuses a damaged file, says so, and fetches the others', async () => {
    const { from, to } = await world.outage(60);
    const [, bad] = world.spool.list({ from: from + AHEAD_MS, to: to + AHEAD_MS, after: null, limit: 10 });
    const alter = (of: number, _offset: number, bytes: Buffer) => {
      if (of === bad?.key) bytes[0] = (bytes[0] ?? 0) ^ 1;
      return bytes;
    };
    const reader = world.reader({ alter });
    world.readBy(reader);
    const healer = world.healing();
    for (let round = 0; round < 4; round += 1) await healer.round();
    expect(healer.counters.refused).toBe(2);
    expect(healer.status.problem).toMatchObject({ text: expect.stringContaining('damaged') as string });
    const { gaps } = await world.recordings({ from, to });
    expect(gaps).toHaveLength(1);
    expect(gaps[0]?.to).toBeLessThanOrEqual((bad?.end ?? 0) - AHEAD_MS + 2_000);
    const { bytes } = reader;
    await healer.round();
    expect(reader.bytes).toBe(bytes);
  });

  it('never takes a file whose end or beginning is not what the camera says', async () => {
    const { from, to } = await world.outage(30);
    for (const lie of [{ end: 60_000 }, { start: -60_000 }]) {
      const reader = world.reader();
      const { open } = reader;
      reader.open = async (of) => {
        const file = await open(of);
        return { ...file, start: file.start + (lie.start ?? 0), end: file.end + (lie.end ?? 0) };
      };
      world.readBy(reader);
      const healer = world.healing();
      await healer.round();
      expect(healer.counters.refused).toBeGreaterThan(0);
    }
    expect((await world.recordings({ from: utcMs(from + 2_000), to: utcMs(to - 2_000) })).coverage).toBe(0);
  });

  it('of a camera that lists without an end, or the same again and again, is bounded', async () => {
    await world.outage(60);
    let pages = 0;
    const real = world.reader();
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
    world.readBy(reader);
    await world.healing().round();
    expect(pages).toBeLessThanOrEqual(200);
  });

  it('is not held up by a file that the camera cannot read, whose name comes first each time', async () => {
    const { from, to } = await world.outage(60);
    const [, bad, worse] = world.spool.list({ from: from + AHEAD_MS, to: to + AHEAD_MS, after: null, limit: 10 });
    const broken = new CodedError('disk-failed', 'The disk cannot be read.');
    let asked = 0;
    const reader = world.readBy(
      world.reader({
        each: (of) => {
          if (of !== bad?.key) return;
          asked += 1;
          throw broken;
        },
      }),
    );
    const { open } = reader;
    reader.open = (of) => (of === worse?.key ? Promise.reject(broken) : open(of));
    const healer = world.healing();
    for (let round = 0; round < 4; round += 1) expect(await healer.round()).not.toBe('cut');
    const { gaps } = await world.recordings({ from, to });
    expect(gaps).toHaveLength(1);
    expect((gaps[0]?.to ?? 0) - (gaps[0]?.from ?? 0)).toBeLessThan(35_000);
    expect(healer.status.problem).toMatchObject({ text: expect.stringContaining('The disk cannot be read.') as string });
    expect(healer.counters).toMatchObject({ refused: 4, failures: 0 });
    expect(asked).toBeLessThanOrEqual(2 * WINDOW_CHUNKS);
  });

  it('comes to each of more outages than one round looks at, though the spool has nothing of the newest', async () => {
    const { from, to } = await world.outage(30);
    const { key } = world;
    const healed = to;
    await world.show(10, true);
    const reader = world.readBy(world.reader());
    const { list } = reader;
    reader.list = (range) => (range.from < healed + AHEAD_MS ? list(range) : Promise.resolve({ segments: [], more: false }));
    // Later there are many seconds that nobody has, apart from each other.
    for (let count = 0; count < 150; count += 1) {
      const start = utcMs(world.clock.now() + count * 2_000);
      await world.storage.call('addGap', { camera: key, start, end: utcMs(start + 1_000), reason: 'deleted-by-person', text: '' });
    }
    await world.clock.advance(400_000);
    const healer = world.healing();
    for (let round = 0; round < 4; round += 1) await healer.round();
    expect((await world.recordings({ from, to })).coverage).toBe(1);
  });
});
