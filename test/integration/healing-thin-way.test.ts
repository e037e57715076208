import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Spool } from '../../peer/session/bulk-server.ts';
import { CHUNK_BYTES } from '../../peer/session/bulk-messages.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { BadNetwork, compare, videoOf, watch } from './loss-world.ts';
import { ClipInput, testClip, World } from './p2p-world.ts';

const KBPS = 1_000;
let world: World;
let network: BadNetwork;
beforeEach(async () => {
  world = await new World().start();
  network = new BadNetwork({ seed: 3, toApp: { kbps: 3 * KBPS, delayMs: 20, queueBytes: 40_000 }, toCamera: { delayMs: 20 } }).begin();
});
afterEach(async () => {
  await world.close();
  await network.close();
});

/** A spool with one file that has no end, as far as this test goes. */
function endlessSpool(): Spool {
  const item = { key: 1, start: Date.now() - 60_000, end: Date.now() - 50_000, bytes: 2 ** 30 };
  const bytes = createHash('sha256').update('anything').digest();
  return {
    state: { since: item.start, reason: null },
    changed: new Emitter(),
    list: () => [item],
    open: () => Promise.resolve({ ...item, hash: bytes }),
    read: (_key, _offset, length) => Promise.resolve(Buffer.alloc(length, bytes)),
  };
}

describe('a way that carries three times the picture', () => {
  it('loses no more frames while a spool is read over it, which gets on all the same', async () => {
    const spool = { ...endlessSpool(), push: () => {} };
    const input = new ClipInput(testClip('640x360', KBPS));
    const camera = world.camera('yard', { input, spool });
    const identity = world.app();
    const { source, sink } = world.source(identity, await world.pair(identity, camera.invite()));
    await sink.until(({ state }) => state === 'live', 40_000);
    await watch(sink, 3_000);

    const alone = await watch(sink, 8_000);
    const access = source.spool();
    if (!access) throw new Error('there is no spool');
    let fetched = 0;
    let ends = false;
    const read = async () => {
      for (let offset = 0; !ends; offset += CHUNK_BYTES) {
        const { length } = await access.reader.read(1, offset, CHUNK_BYTES);
        fetched += length;
      }
    };
    const reads = Array.from({ length: 16 }, () => read().catch(() => {}));
    const beside = await watch(sink, 12_000);
    ends = true;
    await Promise.all(reads);

    const [without, within] = [compare(input, alone), compare(input, beside)];
    expect(within.damaged).toBe(0);
    // A busy machine that stands still for a moment costs the end of a group of pictures, with or without.
    expect(within.missing).toBeLessThanOrEqual(without.missing + 24);
    // The main picture all the time, whole.
    expect(new Set(videoOf(beside).map(({ config }) => config)).size).toBe(1);
    expect(fetched).toBeGreaterThan(300_000);
  }, 120_000);
});
