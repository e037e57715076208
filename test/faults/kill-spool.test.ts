import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { scanSegment } from '../../electron/segment/segment-scan.ts';
import { seededRandom } from '../fakes/seeded-random.ts';
import { ROOM, startAndKill } from './kill.ts';
import { openSpool } from './spool-core.ts';

/* kill -9 of what keeps footage within the camera peer, at random moments: the next start finds what the killed one left. */

const KILLS = Number(process.env['KEYHOLE_KILLS'] ?? (process.env['CI'] ? 40 : 200));
const SEED = Number(process.env['KEYHOLE_SEED'] ?? 20261126);
/** Two at a time: each lane has a folder of its own. */
const LANES = 2;
const KILLS_A_FOLDER = 20;
const T0 = Date.UTC(2026, 10, 23, 10, 0, 7, 300);
const LOAD_MS = 600;
const STARTING_MS = 500;
/** What a kill may cost (docs/storage.md). */
const MAX_LOST_MS = 2_000;
const EVER = { from: 0, to: Number.MAX_SAFE_INTEGER, after: null, limit: 10_000 };

async function expectKept(root: string, now: number, start: number, last: number | null): Promise<number> {
  const { spool } = await openSpool(root, now);
  try {
    const items = spool.list(EVER).filter((item) => item.start >= start);
    let reached = start;
    for (const item of items) {
      // Files follow each other: nothing is missing between two of them.
      expect(item.start - reached).toBeLessThanOrEqual(1);
      reached = item.end;
      const { hash, bytes } = await spool.open(item.key);
      expect(
        createHash('sha256')
          .update(await spool.read(item.key, 0, bytes))
          .digest(),
      ).toEqual(hash);
      const path = join(root, 'recordings/spool-test', new Date(item.key).toISOString().slice(0, 10), `${item.key}.mp4`);
      const { segment, wholeBytes, fileBytes } = await scanSegment(path, item.key);
      expect([segment?.start, wholeBytes]).toEqual([item.key, fileBytes]);
    }
    const files = (readdirSync(join(root, 'recordings/spool-test'), { recursive: true }) as string[]).filter((name) =>
      /\d\.mp4$/.test(name),
    );
    expect(files.length).toBe(spool.list(EVER).length);
    const lost = last === null ? 0 : last - reached;
    expect(lost).toBeLessThanOrEqual(MAX_LOST_MS);
    return lost;
  } finally {
    await spool.close();
  }
}

async function lane(kills: number, random: () => number): Promise<{ kept: number; worst: number }> {
  let [kept, worst] = [0, 0];
  for (let done = 0; done < kills;) {
    const root = mkdtempSync(join(ROOM, 'keyhole-kill-spool-'));
    let start = T0;
    for (let kill = 0; kill < KILLS_A_FOLDER && done < kills; kill++, done++) {
      // Every third time with a group of 20 s: what is lost must not depend on it.
      const every = random() < 0.33 ? 10 : 1;
      const starting = random() < 0.2;
      const afterMs = Math.floor(random() * (starting ? STARTING_MS : LOAD_MS));
      const { last, ended } = await startAndKill('spool-child.ts', root, [String(start), String(every)], { starting, afterMs });
      expect(ended).toBe('SIGKILL');
      if (last !== null) kept += 1;
      const now = (last ?? start) + 3_600_000;
      worst = Math.max(worst, await expectKept(root, now, start, last));
      start = now + 60_000;
    }
    rmSync(root, { recursive: true, force: true });
  }
  return { kept, worst };
}

it(
  `kill -9 of the camera's spool at ${KILLS} random moments: at most 2 s are missing, and every file is what it says`,
  { timeout: 10_000 * KILLS + 60_000 },
  async () => {
    const lanes = await Promise.all(Array.from({ length: LANES }, (_, n) => lane(Math.ceil(KILLS / LANES), seededRandom(SEED + n))));
    process.stderr.write(`seed ${SEED}: ${JSON.stringify(lanes)}\n`);
    expect(lanes.reduce((sum, { kept }) => sum + kept, 0)).toBeGreaterThan(KILLS / 4);
  },
);
