import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../electron/base/clock.ts';
import { createLog, silentLog } from '../../electron/base/log.ts';
import { bundledPath, findFfmpeg, makeExecutable, MODERN_LIBAVFORMAT, type FfmpegBinary } from '../../electron/ffmpeg/binary.ts';
import { probe } from '../../electron/ffmpeg/probe.ts';
import { FfmpegProcess, type FfmpegProcessOptions } from '../../electron/ffmpeg/process.ts';

const ENDLESS = { url: 'testsrc=s=320x240:r=10', options: ['-re', '-f', 'lavfi'] };
const RAW = ['-f', 'rawvideo', 'pipe:1'];

let folder = '';
/** A program that says it is ffmpeg of this libavformat, and then runs `script`. */
function fake(name: string, libavformat: number, script = ''): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    `#!/bin/sh\ncase "$*" in *-version*) echo "ffmpeg version ${name}-1 Copyright"; echo "libavformat     ${libavformat}. 1.100";; *) ${script || ':'};; esac\n`,
  );
  chmodSync(path, 0o755);
  return path;
}
const binaryOf = (path: string): FfmpegBinary => ({ path, version: '1', libavformat: MODERN_LIBAVFORMAT, origin: 'chosen' });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhole-ffmpeg-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const make = (options: Partial<FfmpegProcessOptions> = {}) =>
  new FfmpegProcess({ inputs: [ENDLESS], output: RAW, clock: systemClock, log: silentLog, ...options });

describe('which ffmpeg', () => {
  it('is the user’s choice before all others', async () => {
    const chosen = fake('chosen', 57);
    expect(await findFfmpeg({ env: { KEYHOLE_FFMPEG: chosen, PATH: process.env['PATH'] }, bundled: bundledPath })).toEqual({
      path: chosen,
      version: 'chosen-1',
      libavformat: 57,
      origin: 'chosen',
    });
  });

  it('is an error when the user’s choice does not run, not another one', async () => {
    const search = { env: { KEYHOLE_FFMPEG: join(folder, 'none'), PATH: process.env['PATH'] }, bundled: bundledPath };
    await expect(findFfmpeg(search)).rejects.toMatchObject({ code: 'ffmpeg-missing', message: expect.stringContaining('KEYHOLE_FFMPEG') });
  });

  it('is the one on PATH from version 5 on, else the bundled one, else an old one on PATH', async () => {
    fake('ffmpeg', 59);
    const bundled = fake('bundled', 58);
    const search = { env: { PATH: folder }, bundled: () => bundled };
    expect(await findFfmpeg(search)).toMatchObject({ origin: 'path', libavformat: 59 });
    fake('ffmpeg', 58);
    expect(await findFfmpeg(search)).toMatchObject({ origin: 'bundled', path: bundled });
    expect(await findFfmpeg({ ...search, bundled: () => null })).toMatchObject({ origin: 'path', libavformat: 58 });
    await expect(findFfmpeg({ env: { PATH: '/nowhere' }, bundled: () => null })).rejects.toMatchObject({ code: 'ffmpeg-missing' });
  });

  it('finds the bundled one, and makes it executable where npm did not', async () => {
    const bundled = bundledPath();
    expect(bundled && (await findFfmpeg({ env: { PATH: '' }, bundled: () => bundled }))).toMatchObject({ origin: 'bundled' });
    const plain = fake('plain', 58);
    chmodSync(plain, 0o644);
    expect(makeExecutable(plain)).toBe(plain);
    expect(await findFfmpeg({ env: { KEYHOLE_FFMPEG: plain }, bundled: () => null })).toMatchObject({ path: plain });
    expect(makeExecutable(join(folder, 'none'))).toBeNull();
  });
});

describe('FfmpegProcess', () => {
  it('gives its output and ends when it is asked to', async () => {
    let bytes = 0;
    let enough: () => void = () => {};
    const flowing = new Promise<void>((resolve) => (enough = resolve));
    const process = make({
      onOutput: (chunk) => {
        bytes += chunk.length;
        if (bytes > 500_000) enough();
      },
    });
    process.start();
    await flowing;
    expect(await process.stop()).toMatchObject({ asked: true, stalled: false, error: null });
    expect(await process.stop()).toBe(await process.exited);
  });

  it('counts an end with exit code 0 as not asked for', async () => {
    const process = make({ output: ['-t', '0.1', ...RAW] });
    process.start();
    expect(await process.exited).toMatchObject({ asked: false, code: 0 });
  });

  it('kills what does not heed the signal', async () => {
    // `read` at its end: only SIGKILL helps once TERM is ignored.
    const stubborn = fake('stubborn', 59, `trap '' TERM; echo running; while :; do sleep 1; done`);
    let running: () => void = () => {};
    const ready = new Promise<void>((resolve) => (running = resolve));
    const process = make({ binary: binaryOf(stubborn), graceMs: 50, onOutput: () => running() });
    process.start();
    await ready;
    expect(await process.stop()).toMatchObject({ asked: true, signal: 'SIGKILL' });
  });

  it('kills what falls silent', async () => {
    const silent = fake('silent', 59, 'echo once; exec sleep 20');
    const process = make({ binary: binaryOf(silent), stallMs: 200 });
    process.start();
    expect(await process.exited).toMatchObject({ asked: false, stalled: true });
  });

  it('takes no more input than it should hold, when ffmpeg does not read', async () => {
    const deaf = fake('deaf', 59, 'exec sleep 20');
    const process = make({ binary: binaryOf(deaf), inputs: [{ url: 'pipe:0', options: ['-f', 'mp4'] }] });
    process.start();
    const chunk = new Uint8Array(1024 * 1024);
    let taken = 0;
    while (process.write(chunk)) taken += 1;
    expect(taken).toBeLessThanOrEqual(32);
    expect(await process.exited).toMatchObject({ asked: false, stalled: true });
    expect(process.write(chunk)).toBe(false);
  });

  it('may be stopped before it runs, or be no program at all', async () => {
    const early = make();
    expect(await early.stop()).toMatchObject({ asked: true, code: null });
    early.start();
    const soon = make();
    soon.start();
    expect(await soon.stop()).toMatchObject({ asked: true });
    // The first one asks the binary what it can do; the second one finds that out when it starts.
    const none = make({ binary: binaryOf(join(folder, 'none')) });
    none.start();
    expect(await none.exited).toMatchObject({ asked: false, error: { code: 'ffmpeg-failed' } });
  });

  it('keeps the last lines, without passwords', async () => {
    const logged: string[] = [];
    const script = `i=0; while [ $i -lt 100 ]; do echo "line $i of rtsp://me:word@host/live" >&2; i=$((i+1)); done`;
    const process = make({
      binary: binaryOf(fake('talker', 59, script)),
      log: createLog('x', { debug: true, write: (line) => logged.push(line) }),
    });
    process.start();
    const { lines } = await process.exited;
    expect(lines).toHaveLength(40);
    expect(lines.at(-1)).toBe('line 99 of rtsp://me:***@host/live');
    expect([...lines, ...logged].join('\n')).not.toContain('word@');
  });
});

describe('probe', () => {
  it('says what a file has, and what it lacks', async () => {
    const context = { clock: systemClock, log: silentLog };
    const { media } = await probe({ url: 'resources/demo/pedestrians.mp4', options: [] }, context);
    expect(media).toEqual({ video: { codec: 'h264', width: 768, height: 576, fps: 10 }, audio: null });
    expect((await probe({ url: 'package.json', options: [] }, context)).media).toEqual({ video: null, audio: null });
  });

  it('ends when it is told to', async () => {
    const abort = new AbortController();
    const probing = probe({ url: 'pipe:0', options: [] }, { clock: systemClock, log: silentLog, signal: abort.signal });
    abort.abort();
    expect((await probing).exit.asked).toBe(true);
  });
});
