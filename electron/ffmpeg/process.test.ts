import { getEventListeners } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { ffmpegBinary, type FfmpegBinary } from './binary.ts';
import { FfmpegProcess, type FfmpegProcessOptions } from './process.ts';

let folder = '';
/** What it can do is asked of it before it runs: a true ffmpeg answers. */
let answers = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyhole-process-'));
  answers = `case "$*" in *-encoders|*-formats) exec "${(await ffmpegBinary()).path}" "$@";; esac\n`;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Stands for an ffmpeg; what it does is a script. */
function binaryOf(name: string, script: string): FfmpegBinary {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return { path, version: '5', libavformat: 59, origin: 'chosen' };
}

function make(clock: SimulatedClock, options: Partial<FfmpegProcessOptions> = {}): FfmpegProcess {
  const inputs = [{ url: 'pipe:0', options: [] }];
  return new FfmpegProcess({ inputs, output: ['-f', 'null', 'pipe:1'], clock, log: silentLog, ...options });
}

/** Until the process has said something. */
const heard = (clock: SimulatedClock, options: Partial<FfmpegProcessOptions>) => {
  let process: FfmpegProcess | null = null;
  return new Promise<FfmpegProcess>((resolve) => {
    process = make(clock, { ...options, onOutput: () => process && resolve(process) });
    process.start();
  });
};

describe('a process', () => {
  // It is asked what it can do once for all: the first of this file must be the one that hangs.
  it('that hangs before it is there ends all the same, also when it is asked to', async () => {
    const clock = new SimulatedClock();
    const hanging = binaryOf('hanging', 'exec sleep 5');
    const watched = make(clock, { binary: hanging, stallMs: 1_000 });
    watched.start();
    const asked = make(clock, { binary: hanging });
    asked.start();
    await new Promise((resolve) => setImmediate(resolve));
    void asked.stop();
    await clock.advance(3_000);
    expect(await watched.exited).toMatchObject({ asked: false, stalled: true, hung: true });
    expect(await asked.exited).toMatchObject({ asked: true });
  });

  it('of which a beat is asked is not kept by what comes out, and is by its beats', async () => {
    const clock = new SimulatedClock();
    const talking = binaryOf('talking', `${answers}echo sound; exec sleep 5`);
    const process = await heard(clock, { binary: talking, stallMs: 1_000, firstMs: 500, firstBeatMs: 3_000 });
    await clock.advance(2_900);
    process.beat();
    await clock.advance(900);
    process.beat();
    await clock.advance(900);
    let isOver = false;
    void process.exited.then(() => (isOver = true));
    await clock.advance(1);
    expect(isOver).toBe(false);
    await clock.advance(100);
    expect(await process.exited).toMatchObject({ stalled: true });
  });

  it('ends with its signal, and leaves no listener behind', async () => {
    const clock = new SimulatedClock();
    const running = binaryOf('running', `${answers}echo here; exec sleep 5`);
    const stop = new AbortController();
    const { signal } = stop;
    const process = await heard(clock, { binary: running, signal });
    const ended = make(clock, { binary: binaryOf('ended', 'exit 0'), signal });
    ended.start();
    await ended.exited;
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    stop.abort();
    expect(await process.exited).toMatchObject({ asked: true, stalled: false });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    const late = make(clock, { binary: running, signal });
    late.start();
    expect(await late.exited).toMatchObject({ asked: true, code: null });
  });
});
