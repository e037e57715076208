import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readFrameCode, frameNumberAt } from '../../camera/input/frame-code.ts';
import { createInput, createSubInput, type CameraInput, type InputStatus } from '../../camera/input/input.ts';
import { systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import type { AccessUnit } from '../../electron/media/access-unit.ts';
import { concat } from '../../electron/media/concat.ts';
import { parseAvcC } from '../../electron/media/h264/avcc.ts';
import { avccToAnnexB, joinAvcc } from '../../electron/media/h264/nal.ts';
import { rtspServerUnavailable, startRtspServer, type RtspServer } from '../fakes/rtsp-server.ts';

const CLIP = 'resources/demo/pedestrians.mp4';
const run = promisify(execFile);

let folder = '';
const file = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyhole-input-'));
  const make = (name: string, ...args: string[]) => run('ffmpeg', ['-v', 'error', ...args, file(name)]);
  const picture = ['-f', 'lavfi', '-i', 'testsrc=s=320x240:r=20,format=yuv420p'];
  await make('short.mp4', '-i', CLIP, '-t', '1', '-c', 'copy');
  await make('sound.mp4', ...picture, '-f', 'lavfi', '-i', 'sine=r=44100', '-t', '2', '-c:v', 'libx264', '-bf', '0', '-c:a', 'aac');
  await make('b-frames.mp4', ...picture, '-t', '2', '-c:v', 'libx264', '-bf', '2');
  await make('mpeg4.avi', ...picture, '-t', '2', '-c:v', 'mpeg4');
  await make('only-sound.m4a', '-f', 'lavfi', '-i', 'sine', '-t', '1', '-c:a', 'aac');
  writeFileSync(file('text.mp4'), 'this is no video');
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

class Watched {
  readonly input: CameraInput;
  readonly units: AccessUnit[] = [];
  readonly statuses: InputStatus[] = [];
  #waiting: (() => void)[] = [];

  constructor(source: string | CameraInput) {
    this.input = typeof source === 'string' ? createInput(source, { clock: systemClock, log: silentLog }) : source;
    const note = () => this.#waiting.splice(0).forEach((resolve) => resolve());
    this.input.units.on((unit) => {
      this.units.push(unit);
      note();
    });
    this.input.status.on((status) => {
      this.statuses.push(status);
      note();
    });
    this.input.start();
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  get video(): AccessUnit[] {
    return this.units.filter(({ config }) => config.kind === 'video');
  }

  get audio(): AccessUnit[] {
    return this.units.filter(({ config }) => config.kind === 'audio');
  }
}

let open: Watched[] = [];
const watch = (source: string | CameraInput) => {
  const watched = new Watched(source);
  open.push(watched);
  return watched;
};
afterEach(async () => {
  await Promise.all(open.map(({ input }) => input.close()));
  open = [];
});

const annexB = ({ config, data }: AccessUnit): Uint8Array => {
  const sets = parseAvcC(config.description)!;
  return concat([avccToAnnexB(joinAvcc([...sets.sps, ...sets.pps])), avccToAnnexB(data)]);
};

/** The luma planes of the frames, as ffmpeg decodes them. */
async function decode(units: readonly AccessUnit[], width: number, height: number): Promise<Uint8Array[]> {
  const stream = file('units.h264');
  writeFileSync(stream, concat(units.map(annexB)));
  const args = [
    '-v',
    'error',
    '-f',
    'h264',
    '-i',
    stream,
    '-vf',
    `scale=${width}:${height}`,
    '-f',
    'rawvideo',
    '-pix_fmt',
    'gray',
    'pipe:1',
  ];
  const { stdout } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 1e9 });
  return Array.from({ length: stdout.length / (width * height) }, (_, index) =>
    stdout.subarray(index * width * height, (index + 1) * width * height),
  );
}

function expectForward(units: readonly AccessUnit[]): void {
  units.slice(1).forEach((unit, index) => expect(unit.pts).toBeGreaterThan(units[index]!.pts));
}

describe('a generated picture', () => {
  it('carries the number of its time in its pixels, at any size it is seen at', async () => {
    const watched = watch('test:?size=640x360&fps=15&seed=3&label=Yard');
    await watched.until(() => watched.video.length >= 40);
    const units = watched.video;
    expect(units[0]).toMatchObject({ key: true, config: { codec: 'h264', width: 640, height: 360 } });
    expect(watched.input.configs).toEqual([units[0]!.config]);
    for (const [width, height] of [
      [640, 360],
      [320, 180],
    ] as const) {
      const pictures = await decode(units, width, height);
      expect(pictures).toHaveLength(units.length);
      pictures.forEach((luma, index) => expect(readFrameCode(luma, width, height)).toBe(frameNumberAt(units[index]!.utc + 1, 15)));
    }
    const first = units[0]!;
    for (const { pts, utc, receivedAt } of units) {
      expect(pts - first.pts).toBeCloseTo((utc - first.utc) * 90, -1);
      expect(receivedAt).toBeGreaterThanOrEqual(utc);
    }
    const keys = units.flatMap(({ key }, index) => (key ? [index] : []));
    expect(keys).toEqual(units.flatMap((_, index) => (index % 30 === 0 ? [index] : [])));
  });

  it('hums softly when asked to', async () => {
    const watched = watch('test:?size=320x180&fps=10&audio=1');
    await watched.until(() => watched.video.length >= 5 && watched.audio.length >= 40);
    expect(watched.audio[0]).toMatchObject({ key: true, config: { codec: 'opus', sampleRate: 48000, channels: 1 } });
    const times = watched.audio.slice(5).map(({ pts }) => pts);
    for (const [index, pts] of times.slice(1).entries()) expect(Math.abs(pts - times[index]! - 1800)).toBeLessThanOrEqual(2);
    expectForward(watched.video);
  });

  it.each(['test:?size=641x360', 'test:?size=big', 'test:?fps=0', 'test:?seed=1.5', 'http://example.org/video', ''])(
    'refuses %s',
    (source) => {
      expect(() => createInput(source, { clock: systemClock, log: silentLog })).toThrow(expect.objectContaining({ code: 'bad-request' }));
    },
  );
});

describe('a file', () => {
  it('gives the frames of the bundled clip as they are, in order and in real time', async () => {
    const watched = watch(CLIP);
    await watched.until(() => watched.video.length >= 25);
    const { stdout } = await run('ffmpeg', [
      '-v',
      'error',
      '-i',
      CLIP,
      '-t',
      '4',
      '-c',
      'copy',
      '-bsf:v',
      'h264_mp4toannexb',
      '-f',
      'framemd5',
      'pipe:1',
    ]);
    const sizes = stdout
      .split('\n')
      .filter((line) => line.startsWith('0,'))
      .map((line) => Number(line.split(',')[4]));
    expect(watched.units[0]).toMatchObject({ key: true, config: { codecString: 'avc1.64001f', width: 768, height: 576 } });
    // Each start code of Annex B has 4 bytes as our lengths do; keyframes had their parameter sets taken out.
    watched.video
      .slice(0, 25)
      .forEach(({ data, key }, index) => (key ? expect(data.length).toBeLessThan(sizes[index]!) : expect(data.length).toBe(sizes[index])));
    watched.video.slice(1, 25).forEach(({ pts }, index) => expect(pts - watched.video[index]!.pts).toBe(9000));
    const [first, last] = [watched.video[0]!, watched.video[24]!];
    expect(last.receivedAt - first.receivedAt).toBeGreaterThan(2000);
    expect(watched.statuses).toEqual([
      { state: 'connecting', reason: null },
      { state: 'live', reason: null },
    ]);
  });

  it('begins anew at its end, its times going on', async () => {
    const watched = watch(file('short.mp4'));
    await watched.until(() => watched.video.length >= 25);
    const units = watched.video;
    expect(new Set(units.map(({ timeline }) => timeline)).size).toBe(1);
    expectForward(units);
    expect(Buffer.from(units[10]!.data)).toEqual(Buffer.from(units[0]!.data));
    expect(units[10]!.pts - units[0]!.pts).toBeCloseTo(90_000, -4);
  });

  it('has its sound as Opus', async () => {
    const watched = watch(file('sound.mp4'));
    // Longer than the file: both go on when it begins anew.
    await watched.until(() => watched.video.length >= 60 && watched.audio.length >= 150);
    expect(watched.audio[0]).toMatchObject({ config: { codec: 'opus', sampleRate: 48000 } });
    expectForward(watched.audio);
    expect(watched.statuses).toHaveLength(2);
    expect(watched.input.configs.map(({ codec }) => codec)).toEqual(['h264', 'opus']);
  });

  it('is copied with its B-frames, in the order of decoding', async () => {
    const watched = watch(file('b-frames.mp4'));
    // Longer than the file.
    await watched.until(() => watched.video.length >= 60);
    expect(watched.video[0]!.config.codecString).toMatch(/^avc1\.64/);
    watched.video.slice(1).forEach(({ dts }, index) => expect(dts).toBeGreaterThan(watched.video[index]!.dts));
    watched.video.forEach(({ pts, dts }) => expect(pts).toBeGreaterThanOrEqual(dts));
    expect(watched.video.some(({ pts }, index) => pts < (watched.video[index - 1]?.pts ?? 0))).toBe(true);
    const shown = watched.video
      .slice(0, 30)
      .map(({ pts }) => pts)
      .sort((a, b) => a - b);
    shown.slice(1, 25).forEach((pts, index) => expect(pts - shown[index]!).toBe(4500));
  });

  it('is encoded when it is no H.264', async () => {
    const watched = watch(file('mpeg4.avi'));
    await watched.until(() => watched.video.length >= 20);
    expect(watched.video[0]!.config.codecString).toMatch(/^avc1\.42/);
    expectForward(watched.video);
  });

  it.each([
    ['missing.mp4', 'source-not-found'],
    ['.', 'source-not-found'],
    ['text.mp4', 'source-no-video'],
    ['only-sound.m4a', 'source-no-video'],
  ])('says at once what is wrong with %s', async (name, code) => {
    const watched = watch(file(name));
    await watched.until(() => watched.statuses.length >= 2);
    expect(watched.statuses.slice(0, 2)).toMatchObject([
      { state: 'connecting', reason: null },
      { state: 'offline', reason: { code, text: expect.stringMatching(/^The file .+: .+\.$/) } },
    ]);
    expect(watched.units).toEqual([]);
  });

  it('is found when it appears later', async () => {
    const watched = watch(file('later.mp4'));
    await watched.until(() => watched.statuses.at(-1)?.state === 'offline');
    await run('cp', [CLIP, file('later.mp4')]);
    await watched.until(() => watched.video.length > 0);
    expect(watched.statuses.at(-1)).toEqual({ state: 'live', reason: null });
  });
});

describe('a device', () => {
  it('that is not there is said so', async () => {
    const watched = watch('/dev/video97');
    await watched.until(() => watched.statuses.length >= 2);
    expect(watched.statuses[1]).toMatchObject({ state: 'offline', reason: { code: 'source-not-found' } });
  });
});

const missing = rtspServerUnavailable();
describe.skipIf(missing)(`an RTSP camera${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let server: RtspServer | null = null;
  afterEach(() => server?.close());

  it('is copied, its sound made Opus', async () => {
    server = await startRtspServer({ file: CLIP, seconds: 60, media: 'both', audio: 'pcmu', user: 'me', password: 'word' });
    const watched = watch(server.url.replace('rtsp://', 'rtsp://me:word@'));
    await watched.until(() => watched.video.length >= 15 && watched.audio.length >= 20);
    expect(watched.video[0]).toMatchObject({ key: true, config: { codecString: 'avc1.64001f' } });
    expect(watched.audio[0]!.config).toMatchObject({ codec: 'opus' });
    expectForward(watched.video);
    expect(JSON.stringify(watched.statuses)).not.toContain('word');
  });
});

describe('a small picture made of the main one', () => {
  const small = (source: string, main: CameraInput) => createSubInput(source, main, { clock: systemClock, log: silentLog });

  it('shows the same at the same time, smaller and with fewer frames', async () => {
    const main = watch('test:?size=640x360&fps=20&seed=3');
    const watched = watch(small('transcode:?size=320x180&fps=5&kbps=200', main.input));
    await watched.until(() => watched.video.length >= 20);
    const units = watched.video;
    expect(units[0]).toMatchObject({ key: true, config: { codec: 'h264', width: 320, height: 180 } });
    expectForward(units);
    units.slice(1).forEach(({ pts }, index) => expect(pts - units[index]!.pts).toBe(18_000));
    const pictures = await decode(units, 320, 180);
    pictures.forEach((luma, index) => {
      const { utc, pts } = units[index]!;
      // A fifth of a second has four frames of the main picture, of which it is one; or the last one before, where some were left out.
      const around = main.video.filter((unit) => Math.abs(unit.pts - pts) <= 9_000 + 3);
      const before = main.video.findLast((unit) => unit.pts < pts - 9_000);
      const possible = [...around, ...(before ? [before] : [])].map((unit) => frameNumberAt(unit.utc + 1, 20));
      expect(possible).toContain(readFrameCode(luma, 320, 180));
      const of = main.video.findLast((unit) => unit.pts <= pts);
      expect(Math.abs((of?.utc ?? 0) + (pts - (of?.pts ?? 0)) / 90 - utc)).toBeLessThan(1);
    });
    const bits = 8 * units.slice(0, -1).reduce((sum, { data }) => sum + data.length, 0);
    expect(bits / ((units.at(-1)!.pts - units[0]!.pts) / 90_000)).toBeLessThan(400_000);
  });

  it('begins anew with the main one', async () => {
    const main = watch(CLIP);
    const watched = watch(small('transcode:?size=160x120&fps=5', main.input));
    await watched.until(() => watched.video.length >= 3);
    const [unit] = main.video;
    const last = main.video.at(-1)!;
    main.input.units.emit({ ...unit!, timeline: last.timeline + 1, pts: last.pts, dts: last.dts });
    await watched.until(() => watched.statuses.some(({ state }) => state === 'offline'));
  });

  it('can be any other source too, and is refused where it makes no sense', () => {
    const main = watch('test:?size=160x90&fps=1').input;
    expect(small('test:?size=160x90', main)).toBeDefined();
    for (const source of ['transcode:?size=1x1', 'transcode:?size=641x360', 'transcode:?fps=0', 'transcode:?kbps=9', 'http://x/y'])
      expect(() => small(source, main)).toThrow(expect.objectContaining({ code: 'bad-request' }));
  });
});

it('closes for good, whenever it is asked to', async () => {
  for (const wait of [() => true, (watched: Watched) => watched.statuses.length > 0, (watched: Watched) => watched.video.length > 3]) {
    const watched = new Watched('test:?size=320x180');
    await watched.until(() => wait(watched));
    await watched.input.close();
    const { length } = watched.units;
    const statuses = watched.statuses.length;
    await watched.input.close();
    watched.input.start();
    await new Promise((resolve) => setImmediate(resolve));
    expect(watched.units).toHaveLength(length);
    expect(watched.statuses).toHaveLength(statuses);
  }
});
