import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from './account.ts';
import { FAULTS, type Chance } from './faults.ts';
import { memoryOf } from './process-tree.ts';
import type { World } from './world.ts';

export interface StormOptions {
  readonly chance: Chance;
  /** Told of each fault: when it began by the app's clock (UTC ms), and how long it took until every camera recorded again, ms. */
  readonly told: (fault: string, at: number, recoveredMs: number) => void;
  /** Quiet time between two faults, ms. */
  readonly calmMs?: () => number;
}

export interface StormReport {
  readonly account: Account;
  readonly faults: number;
  /** Of the app and its children, after each recovery: bytes by the time of the storm, ms. */
  readonly memory: readonly { readonly at: number; readonly bytes: number }[];
}

/** These faults, one after another; after each, everything must record again by itself. */
export async function storm(world: World, names: Iterable<string>, options: StormOptions): Promise<StormReport> {
  const { chance, told, calmMs = () => 3_000 + chance() * 5_000 } = options;
  const began = performance.now();
  const memory: { at: number; bytes: number }[] = [];
  let faults = 0;
  for (const name of names) {
    const fault = FAULTS[name];
    if (!fault) throw new Error(`there is no fault "${name}"`);
    const at = world.clock.now;
    await fault(world, chance);
    faults += 1;
    const over = performance.now();
    await world.recording();
    told(name, at, performance.now() - over);
    await sleep(calmMs());
    memory.push({ at: performance.now() - began, bytes: memoryOf(world.appPid) });
  }
  // The last frames are on their way to the disk, the last reasons to the database.
  await sleep(6_000);
  return { account: await world.account(), faults, memory };
}
