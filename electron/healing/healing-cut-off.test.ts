import { existsSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../../peer/session/bulk-messages.ts';
import { AHEAD_MS, HealingWorld } from '../../test/fixtures/healing-world.ts';
import { CodedError } from '../base/errors.ts';
import { WINDOW_CHUNKS } from './fetch.ts';

let world: HealingWorld;
beforeEach(async () => {
  world = await HealingWorld.open();
});
afterEach(() => world.close());

describe('healing', () => {
  it('that is cut off goes on where it was, also in another process', async () => {
    const { from, to } = await world.outage(60);
    const chunks = { left: 3 };
    let total = 0;
    let rounds = 0;
    for (let outcome = 'cut'; outcome === 'cut'; rounds += 1) {
      expect(rounds).toBeLessThan(200);
      chunks.left = 3;
      const reader = world.reader({
        each: () => {
          if (chunks.left-- <= 0) throw new CodedError('session-lost', 'The camera was started anew.');
        },
      });
      world.readBy(reader);
      outcome = await world.healing().round();
      total += reader.bytes;
    }
    expect(rounds).toBeGreaterThan(5);
    expect((await world.recordings({ from, to })).coverage).toBe(1);
    const needed = world.spool
      .list({ from: from + AHEAD_MS, to: to + AHEAD_MS, after: null, limit: 100 })
      .reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total).toBeLessThanOrEqual(needed + rounds * WINDOW_CHUNKS * CHUNK_BYTES);
    expect(total).toBeLessThanOrEqual(needed * 1.3);
  });

  it('begins a file anew that is another one now, or whose part is torn', async () => {
    const { from, to } = await world.outage(30);
    let left = 2;
    world.readBy(
      world.reader({
        each: () => {
          if (left-- <= 0) throw new CodedError('session-lost', 'Gone.');
        },
      }),
    );
    await world.healing().round();
    const [part] = readdirSync(world.partsFolder).filter((name) => name.endsWith('.part'));
    expect(part).toBeDefined();
    // As the power leaves a file whose last blocks were not written.
    const path = join(world.partsFolder, part ?? '');
    const { length } = readFileSync(path);
    truncateSync(path, 100);
    truncateSync(path, length);
    world.readBy(world.reader());
    const healer = world.healing();
    await healer.round();
    expect(healer.counters.refused).toBe(1);
    await healer.round();
    expect((await world.recordings({ from, to })).coverage).toBe(1);
  });

  it('of which the database takes no row says so, is no healing yet, and fetches and writes nothing twice when it does again', async () => {
    const { from, to } = await world.outage(30);
    const reader = world.readBy(world.reader());
    const healer = world.healing();
    world.refuses = new CodedError('disk-full', 'The disk of the database is full.');
    for (let round = 0; round < 3; round += 1) expect(await healer.round()).toBe('cut');
    expect(healer.status).toMatchObject({ healedMs: 0, problem: { code: 'disk-full' } });
    expect(world.added).toEqual([]);
    world.refuses = null;
    while ((await healer.round()) === 'cut');
    expect(healer.status.problem).toBeNull();
    expect((await world.recordings({ from, to })).coverage).toBe(1);
    const rows = await world.healedRows();
    const files = readdirSync(join(world.dataDir, 'recordings'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => name.endsWith('.healed.mp4'))).toHaveLength(rows.length);
    const needed = world.spool
      .list({ from: from + AHEAD_MS, to: to + AHEAD_MS, after: null, limit: 100 })
      .reduce((sum, { bytes }) => sum + bytes, 0);
    expect(reader.bytes).toBe(needed);
  });

  it('leaves nothing of a camera that was removed in the middle', async () => {
    await world.outage(30);
    let left = 2;
    const each = () => {
      if (left-- <= 0) throw new CodedError('session-lost', 'Gone.');
    };
    world.readBy(world.reader({ each }));
    const healer = world.healing();
    await healer.round();
    expect(readdirSync(world.partsFolder)).toHaveLength(2);
    await healer.forget();
    expect(existsSync(world.partsFolder)).toBe(false);
    expect(healer.canBegin).toBe(false);
  });

  it('that is cut off again and again, each time in another file, keeps few pieces of them', async () => {
    await world.outage(200);
    const tried = new Set<number>();
    const healer = world.healing();
    for (let round = 0; round < 12; round += 1) {
      let own: number | null = null;
      let left = 2;
      const reader = world.readBy(
        world.reader({
          each: (of) => {
            tried.add((own ??= of));
            if (left-- <= 0) throw new CodedError('session-lost', 'Gone.');
          },
        }),
      );
      // Those that were begun are not listed any more.
      reader.list = (range) => {
        const segments = world.spool.list({ ...range, limit: 100 }).filter(({ key }) => !tried.has(key));
        return Promise.resolve({ segments, more: false });
      };
      expect(await healer.round()).toBe('cut');
    }
    expect(tried.size).toBe(12);
    const parts = readdirSync(world.partsFolder).filter((name) => name.endsWith('.part'));
    expect(parts).toHaveLength(5);
    expect(parts).toContain(`${[...tried].at(-1)}.part`);
  });
});
