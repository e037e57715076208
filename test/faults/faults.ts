import { setTimeout as sleep } from 'node:timers/promises';
import { ffmpegsOf, processTree, signal } from './process-tree.ts';
import type { World } from './world.ts';

/** Between 0 and 1. */
export type Chance = () => number;

/** One thing that happens. It is over when it returns; recovering is the app's own business. */
type Fault = (world: World, chance: Chance) => Promise<void>;

const HOUR_MS = 3_600_000;

/** How long something lasts, ms. */
const between = (chance: Chance, least: number, most: number) => Math.round(least + chance() * (most - least));
const pick = <T>(chance: Chance, list: readonly T[]): T | undefined => list[Math.floor(chance() * list.length)];

export const FAULTS: Readonly<Record<string, Fault>> = {
  async 'the app is killed'(world) {
    await world.site.serve?.kill();
    await world.site.startServe();
  },
  async 'the app is stopped, and started later'(world, chance) {
    await world.site.serve?.stop();
    await sleep(between(chance, 1_000, 20_000));
    await world.site.startServe();
  },
  async 'an ffmpeg is killed'(world, chance) {
    const pid = pick(chance, ffmpegsOf(world.appPid));
    if (pid !== undefined) signal([pid], 'SIGKILL');
  },
  async 'an ffmpeg is stuck'(world, chance) {
    const pid = pick(chance, ffmpegsOf(world.appPid));
    if (pid === undefined) return;
    signal([pid], 'SIGSTOP');
    // Whoever waits for it must give it up.
    for (let tries = 0; tries < 60 && ffmpegsOf(world.appPid).includes(pid); tries += 1) await sleep(500);
    if (ffmpegsOf(world.appPid).includes(pid)) throw new Error('an ffmpeg that was stuck for 30 s is still waited for');
  },
  async 'a camera is killed'(world, chance) {
    const camera = pick(chance, world.cameras);
    if (!camera) return;
    await camera.program.kill();
    await sleep(between(chance, 0, 5_000));
    await world.restartCamera(camera);
  },
  async 'the wire is cut'(world, chance) {
    await world.hosts.cut();
    await sleep(between(chance, 500, 15_000));
    await world.hosts.mend();
  },
  async 'the RTSP camera goes away'(world, chance) {
    await world.stopRtsp();
    await sleep(between(chance, 500, 8_000));
    await world.startRtsp();
  },
  async 'the rendezvous is started anew'(world) {
    const port = Number(new URL(world.site.rendezvousUrl).port);
    await world.site.rendezvous?.kill();
    await world.site.startRendezvous(port);
  },
  async 'the disk is full'(world, chance) {
    world.fillDisk(0);
    await sleep(between(chance, 8_000, 15_000));
    world.fillDisk(null);
  },
  async 'the clock is set forward'(world, chance) {
    world.clock.jump(between(chance, 600_000, 3 * HOUR_MS));
    await sleep(3_000);
  },
  async 'the clock is set back'(world, chance) {
    // Not back to before there was anything to account for.
    world.clock.jump(-Math.min(between(chance, 600_000, 3 * HOUR_MS), (world.clock.now - world.beganAt) / 2));
    await sleep(3_000);
  },
  async 'the computer sleeps'(world, chance) {
    const pids = processTree(world.appPid).map(({ pid }) => pid);
    signal(pids, 'SIGSTOP');
    await sleep(between(chance, 500, 4_000));
    world.clock.jump(between(chance, 60_000, 8 * HOUR_MS));
    signal(pids, 'SIGCONT');
  },
};
