import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { seededRandom } from '../fakes/seeded-random.ts';
import { expectWhole, type Told } from './after-crash.ts';
import { RecordingCore } from './recording-core.ts';

/*
 * kill -9 of what records, at random moments under load: while it starts, repairs, writes, ends segments and lists them. The next start
 * finds what the killed one left, so the kills of one folder build on each other.
 */

const KILLS = Number(process.env['KEYHOLE_KILLS'] ?? 200);
const SEED = Number(process.env['KEYHOLE_SEED'] ?? 20261125);
/** Two at a time: each lane has a folder of its own. */
const LANES = 2;
/** Then the folder is made anew: what is looked over grows with it. */
const KILLS_A_FOLDER = 20;
/** A killed process leaves what it wrote to the page cache: in memory the same happens, and hundreds of kills take minutes. */
const ROOM = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const T0 = Date.UTC(2026, 10, 23, 10, 0, 7, 300);
/** The longest that one records before it is killed, real milliseconds, and the longest time from its start while it starts. */
const LOAD_MS = 900;
const STARTING_MS = 900;

interface Killed {
  /** Last frame that it told of; null: it was killed before the first. */
  readonly last: number | null;
  readonly ended: NodeJS.Signals | number | null;
}

/** Starts the recorder and kills it: `afterMs` behind the first picture, or behind its start. */
async function recordAndKill(dataDir: string, start: number, every: number, when: { starting: boolean; afterMs: number }): Promise<Killed> {
  const script = join(import.meta.dirname, 'kill-child.ts');
  const note = `${dataDir}.note`;
  rmSync(note, { force: true });
  const child = spawn(process.execPath, [script, dataDir, note, String(start), String(every)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Hundreds of them start: the code is compiled once.
    env: { ...process.env, NODE_COMPILE_CACHE: join(ROOM, 'keyhole-compile-cache') },
  });
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  const kill = () => child.kill('SIGKILL');
  let timer = when.starting ? setTimeout(kill, when.afterMs) : undefined;
  child.stdout.once('data', () => (timer ??= setTimeout(kill, when.afterMs)));
  const how = await ended;
  clearTimeout(timer);
  // The note is as the killed one left it: what it wrote to a file is not lost with it.
  const last = existsSync(note) ? Number(readFileSync(note, 'utf8')) : 0;
  return { last: last > 0 ? last : null, ended: how };
}

async function lane(kills: number, random: () => number): Promise<{ recorded: number; worst: number }> {
  let recorded = 0;
  let worst = 0;
  for (let done = 0; done < kills;) {
    const dataDir = mkdtempSync(join(ROOM, 'keyhole-kill-'));
    const told: Told[] = [];
    let start = T0;
    for (let kill = 0; kill < KILLS_A_FOLDER && done < kills; kill++, done++) {
      // Every third time with a group of 20 s: what is lost must not depend on it.
      const every = random() < 0.33 ? 10 : 1;
      const starting = random() < 0.2;
      const afterMs = Math.floor(random() * (starting ? STARTING_MS : LOAD_MS));
      const { last, ended } = await recordAndKill(dataDir, start, every, { starting, afterMs });
      expect(ended).toBe('SIGKILL');
      if (last !== null) told.push({ start, last });
      const now = (last ?? start) + 3_600_000;
      // As the next start does it, before anybody looks.
      const core = await RecordingCore.open(dataDir, now, false);
      expect(core.storage.report.setAside).toBeNull();
      await core.close();
      worst = Math.max(worst, await expectWhole({ dataDir, now, told, since: start, random }));
      start = now + 60_000;
    }
    recorded += told.length;
    rmSync(dataDir, { recursive: true, force: true });
    rmSync(`${dataDir}.note`, { force: true });
  }
  return { recorded, worst };
}

it(
  `kill -9 of the engine at ${KILLS} random moments: at most 2 s are missing, the rest plays, and the doctor says clean`,
  {
    timeout: 15_000 * KILLS + 60_000,
  },
  async () => {
    const lanes = await Promise.all(Array.from({ length: LANES }, (_, n) => lane(Math.ceil(KILLS / LANES), seededRandom(SEED + n))));
    // With the seed, for whoever looks for a failure; a kill before the first picture has nothing to lose.
    process.stderr.write(`seed ${SEED}: ${JSON.stringify(lanes)}\n`);
    expect(lanes.reduce((sum, { recorded }) => sum + recorded, 0)).toBeGreaterThan(KILLS / 2);
  },
);
