import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../electron/base/clock.ts';
import { createLog } from '../../electron/base/log.ts';
import { ffmpegBinary, MODERN_LIBAVFORMAT } from '../../electron/ffmpeg/binary.ts';
import type { AccessUnit } from '../../electron/media/access-unit.ts';
import { parseFragment } from '../../electron/media/fmp4/fragment.ts';
import { parseInit } from '../../electron/media/fmp4/init.ts';
import { RtspSource } from '../../electron/sources/rtsp/source.ts';
import type { SourceStatus } from '../../electron/sources/source.ts';
import { rtspServerUnavailable, startRtspServer, type RtspServer, type RtspServerOptions } from '../fakes/rtsp-server.ts';

const CLIP = 'resources/demo/pedestrians.mp4';
const missing = rtspServerUnavailable();

/** A source with all that it says. */
class Watched {
  readonly units: AccessUnit[] = [];
  readonly statuses: SourceStatus[] = [];
  readonly logged: string[] = [];
  readonly source: RtspSource;
  #waiting: (() => void)[] = [];

  constructor(url: string, user?: { username: string; password: string }) {
    this.source = new RtspSource({
      url,
      ...user,
      clock: systemClock,
      log: createLog('test', { debug: true, write: (line) => this.logged.push(line) }),
      events: {
        unit: (unit) => this.#note(() => this.units.push(unit)),
        status: (status) => this.#note(() => this.statuses.push(status)),
      },
    });
    this.source.start();
  }

  /** Resolves when it holds; the test's own time limit is the deadline. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  get last(): SourceStatus | undefined {
    return this.statuses.at(-1);
  }

  #note(add: () => void): void {
    add();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

let open: Watched[] = [];
let servers: RtspServer[] = [];
const watch = (...args: ConstructorParameters<typeof Watched>) => {
  const watched = new Watched(...args);
  open.push(watched);
  return watched;
};
const serve = async (options: Partial<RtspServerOptions> = {}) => {
  const server = await startRtspServer({ file: CLIP, seconds: 60, ...options });
  servers.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all([...open.map(({ source }) => source.close()), ...servers.map((server) => server.close())]);
  open = [];
  servers = [];
});

const videoOf = (units: readonly AccessUnit[]) => units.filter(({ config }) => config.kind === 'video');
const audioOf = (units: readonly AccessUnit[]) => units.filter(({ config }) => config.kind === 'audio');

function expectWhole(units: readonly AccessUnit[]): void {
  for (const unit of units) {
    const samples = parseFragment(unit.fragment!.bytes, parseInit(unit.fragment!.init)!)!;
    expect(samples).toHaveLength(1);
    const { track, dts, pts, offset, bytes } = samples[0]!;
    const toTicks = (time: number) => Math.round((time * 90_000) / track.timescale);
    expect({ config: track.config, dts: toTicks(dts), pts: toTicks(pts) }).toEqual({ config: unit.config, dts: unit.dts, pts: unit.pts });
    expect(Buffer.compare(unit.fragment!.bytes.subarray(offset, offset + bytes), unit.data)).toBe(0);
  }
  for (const list of [videoOf(units), audioOf(units)]) {
    list.slice(1).forEach((unit, index) => expect(unit.dts).toBeGreaterThanOrEqual(list[index]!.dts));
    list.slice(1).forEach((unit, index) => expect(unit.utc).toBeGreaterThanOrEqual(list[index]!.utc - 1000));
  }
  expect(new Set(units.map(({ fragment }) => fragment!.init)).size).toBe(1);
}

/** Of all processes of this machine, where the system shows them as files. */
function commandLines(): string {
  if (process.platform !== 'linux') return '';
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return ''; // has ended
      }
    })
    .join('\n');
}

describe.skipIf(missing)(`an RTSP camera${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it('gives its frames with their fragments, and says by which way', async () => {
    const server = await serve();
    const before = Date.now();
    const watched = watch(server.url);
    await watched.until(() => watched.units.length >= 15);
    expect(watched.statuses[0]).toEqual({ state: 'connecting', reason: null, path: null });
    expect(watched.last).toEqual({
      state: 'live',
      reason: null,
      path: { kind: 'rtsp', local: '127.0.0.1', remote: `127.0.0.1:${server.port}`, rttMs: null, lossPct: null },
    });
    expect(watched.units[0]).toMatchObject({ key: true, config: { codec: 'h264', codecString: 'avc1.64001f', width: 768, height: 576 } });
    for (const { utc } of watched.units) {
      expect(utc).toBeGreaterThan(before - 2000);
      expect(utc).toBeLessThanOrEqual(Date.now());
    }
    expectWhole(watched.units);
  });

  it.each([
    ['aac', { codec: 'aac', codecString: 'mp4a.40.2' }],
    ['opus', { codec: 'opus', sampleRate: 48000 }],
    ['pcmu', { codec: 'pcm_mulaw', sampleRate: 8000, channels: 1 }],
    ['pcma', { codec: 'pcm_alaw', sampleRate: 8000, channels: 1 }],
  ] as const)('gives sound as the camera sends it: %s', async (audio, config) => {
    const server = await serve({ media: 'both', audio });
    const watched = watch(server.url);
    await watched.until(() => videoOf(watched.units).length >= 20 && audioOf(watched.units).length >= 25);
    const old = (await ffmpegBinary()).libavformat < MODERN_LIBAVFORMAT;
    expect(audioOf(watched.units)[0]).toMatchObject({ key: true, config: old && audio === 'opus' ? { codec: 'aac' } : config });
    expectWhole(watched.units);
    // Each packet lasts as long as the distance to the next one: no time is made up or lost.
    const times = audioOf(watched.units)
      .slice(10)
      .map(({ dts }) => dts);
    const steps = times.slice(1).map((dts, index) => dts - times[index]!);
    expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(24);
  });

  describe('with H.265', () => {
    let folder = '';
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'keyhole-hevc-'));
      const encode = ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=s=640x360:r=10', '-t', '4', '-pix_fmt', 'yuv420p'];
      await promisify(execFile)('ffmpeg', [
        ...encode,
        '-c:v',
        'libx265',
        '-x265-params',
        'log-level=0:keyint=10:bframes=0',
        '-tag:v',
        'hvc1',
        join(folder, 'hevc.mp4'),
      ]);
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('copies it', async () => {
      const server = await serve({ file: join(folder, 'hevc.mp4'), codec: 'h265', seconds: 20 });
      const watched = watch(server.url);
      await watched.until(() => watched.units.length >= 15);
      expect(watched.units[0]).toMatchObject({ config: { codec: 'h265', width: 640, height: 360 } });
      expect(watched.units[0]!.config.codecString).toMatch(/^hvc1\.1\.6\.L\d+\.\w+/);
      expectWhole(watched.units);
    });
  });

  it('comes back when the camera does, with a new timeline', async () => {
    const server = await serve();
    const watched = watch(server.url);
    await watched.until(() => watched.units.length >= 5);
    await server.close();
    await watched.until(() => watched.last?.state === 'offline');
    expect(['source-ended', 'source-stalled', 'rtsp-refused']).toContain(watched.last?.reason?.code);
    expect(watched.last?.path).toBeNull();
    const count = watched.units.length;
    await serve({ port: server.port });
    await watched.until(() => watched.units.length >= count + 5);
    expect(watched.last).toMatchObject({ state: 'live', reason: null });
    expect(watched.units[count]?.key).toBe(true);
    // A run may have ended in between: the camera was not back yet.
    expect(watched.units[count]?.timeline).toBeGreaterThan(watched.units[0]!.timeline);
  });

  it('lets in who knows the password, and tells who does not; it is never logged nor in the process list', async () => {
    const password = 's3cret @:/%?#';
    const server = await serve({ user: 'admin', password });
    const right = watch(server.url, { username: 'admin', password });
    await right.until(() => right.units.length >= 15);
    expectWhole(right.units);
    expect(commandLines()).not.toContain('s3cret%20');
    const wrong = watch(server.url, { username: 'admin', password: 'guess-4711' });
    const none = watch(server.url);
    await wrong.until(() => wrong.last?.state === 'offline');
    await none.until(() => none.last?.state === 'offline');
    expect(wrong.last?.reason?.code).toBe('rtsp-unauthorized');
    expect(none.last?.reason?.code).toBe('rtsp-unauthorized');
    const said = [right, wrong, none].flatMap(({ logged, statuses }) => [...logged, JSON.stringify(statuses)]).join('\n');
    for (const secret of [password, encodeURIComponent(password), 'guess-4711', 's3cret']) expect(said).not.toContain(secret);
  });

  it('says that there is no video when there is only sound', async () => {
    const server = await serve({ media: 'audio', audio: 'pcmu' });
    const watched = watch(server.url);
    await watched.until(() => watched.last?.state === 'offline');
    expect(watched.last?.reason).toMatchObject({ code: 'source-no-video', text: expect.stringContaining('127.0.0.1') });
  });

  it('says that a path is not there', async () => {
    const server = await serve();
    const watched = watch(server.url.replace('/live', '/other'));
    await watched.until(() => watched.last?.state === 'offline');
    expect(watched.last?.reason?.code).toBe('source-not-found');
  });
});

describe('an RTSP camera that is not there', () => {
  it('refuses', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await new Promise((resolve) => server.close(resolve));
    const watched = watch(`rtsp://127.0.0.1:${port}/live`);
    await watched.until(() => watched.last?.state === 'offline');
    expect(watched.last?.reason?.code).toBe('rtsp-refused');
  });

  it('is closed at once while it does not answer, and says nothing afterwards', async () => {
    let connected: () => void = () => {};
    const reached = new Promise<void>((resolve) => (connected = resolve));
    const sockets: { destroy(): void }[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      connected();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const watched = watch(`rtsp://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/live`);
    await reached;
    const count = watched.statuses.length;
    await watched.source.close();
    await watched.source.close();
    expect(watched.statuses).toHaveLength(count);
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});
