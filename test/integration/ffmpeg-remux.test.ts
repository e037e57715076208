import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { pts90k, utcMs } from '../../electron/base/units.ts';
import { bundledPath, ffmpegBinary, findFfmpeg, type FfmpegBinary } from '../../electron/ffmpeg/binary.ts';
import { FragmentReader } from '../../electron/ffmpeg/fragment-reader.ts';
import { fragmentedOutput } from '../../electron/ffmpeg/fragments.ts';
import { FfmpegProcess } from '../../electron/ffmpeg/process.ts';
import { RemuxProcess, type MuxedUnit } from '../../electron/ffmpeg/remux.ts';
import type { AccessUnit, AudioConfig } from '../../electron/media/access-unit.ts';
import { concat } from '../../electron/media/concat.ts';
import { parseFragment } from '../../electron/media/fmp4/fragment.ts';
import { parseInit } from '../../electron/media/fmp4/init.ts';
import { opusConfig } from '../../electron/media/opus/dops.ts';
import { seededRandom } from '../fakes/seeded-random.ts';

const PCM: AudioConfig = {
  kind: 'audio',
  codec: 'pcm_mulaw',
  codecString: 'ulaw',
  description: new Uint8Array(0),
  sampleRate: 8000,
  channels: 1,
};
const FIRST = 4_500_012_345; // past 2^32: times that have outgrown 32 bits

const binaries: FfmpegBinary[] = [];
let folder = '';
let plain: AccessUnit[] = [];
let reordered: AccessUnit[] = [];

/** What ffmpeg makes of `inputs`, until it ends. */
async function encode(input: readonly string[], output: readonly string[]): Promise<AccessUnit[]> {
  const units: AccessUnit[] = [];
  const tracks = { video: true, audio: 'none' } as const;
  const reader = new FragmentReader({ tracks, timeline: 0, clock: systemClock, onUnit: (unit) => units.push(unit) });
  const process = new FfmpegProcess({
    inputs: [{ url: input.at(-1)!, options: input.slice(0, -1) }],
    output: [...output, ...fragmentedOutput(tracks)],
    clock: systemClock,
    log: silentLog,
    onOutput: (chunk) => reader.push(chunk),
  });
  process.start();
  await process.exited;
  return units;
}

beforeAll(async () => {
  binaries.push(await ffmpegBinary());
  const bundled = bundledPath();
  if (bundled && bundled !== binaries[0]!.path) binaries.push(await findFfmpeg({ env: { KEYHOLE_FFMPEG: bundled }, bundled: () => null }));
  folder = mkdtempSync(join(tmpdir(), 'keyhole-remux-'));
  plain = await encode(['resources/demo/pedestrians.mp4'], ['-t', '12', '-c', 'copy']);
  reordered = await encode(
    ['-f', 'lavfi', 'testsrc=s=320x240:r=25'],
    ['-output_ts_offset', '1', '-t', '4', '-c:v', 'libx264', '-bf', '2', '-g', '25', '-pix_fmt', 'yuv420p'],
  );
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The frames with times that jitter, with 7 s missing in the middle, and audio of the given kind beside them, in order of time. */
function stream(video: readonly AccessUnit[], audio: AudioConfig | null, count = video.length): AccessUnit[] {
  const random = seededRandom(3);
  const gap = (index: number) => (index >= count / 2 ? 7 * 90_000 : 0);
  const frames = video.slice(0, count).map((unit, index) => {
    const moved = FIRST + gap(index) + Math.floor(random() * 1200);
    return { ...unit, dts: pts90k(unit.dts + moved), pts: pts90k(unit.pts + moved) };
  });
  const end = frames.at(-1)!.dts;
  const sounds: AccessUnit[] = [];
  for (let index = 0, at = FIRST - 77; audio && at < end; index += 1, at += 1800) {
    const time = pts90k(at + Math.floor(random() * 200));
    const data = new Uint8Array(audio.codec === 'opus' ? 30 + (index % 50) : 160).fill(0xf8);
    sounds.push({ config: audio, timeline: 0, dts: time, pts: time, utc: utcMs(0), receivedAt: utcMs(0), key: true, data });
  }
  return [...frames, ...sounds].sort((a, b) => a.dts - b.dts);
}

async function remux(binary: FfmpegBinary, units: readonly AccessUnit[]): Promise<{ out: MuxedUnit[]; process: RemuxProcess }> {
  const out: MuxedUnit[] = [];
  const process = new RemuxProcess({
    binary,
    clock: systemClock,
    log: silentLog,
    onFragment: (unit) => out.push(unit),
    onFailure: (error) => expect.unreachable(error.message),
  });
  process.start([...new Set(units.map(({ config }) => config))]);
  for (const unit of units) expect(process.write(unit)).toBe(true);
  await process.close();
  return { out, process };
}

describe('the muxing ffmpeg', () => {
  it.each([
    ['video alone', () => stream(plain, null)],
    ['video with B-frames', () => stream(reordered, null)],
    ['video and Opus', () => stream(plain, opusConfig(1), 60)],
    ['video and µ-law', () => stream(plain, PCM, 60)],
  ])('gives back every frame with the times it went in with: %s', async (_, make) => {
    const units = make();
    for (const binary of binaries) {
      const { out, process } = await remux(binary, units);
      expect(process.lost).toBe(0);
      for (const kind of ['video', 'audio']) {
        const strip = (list: readonly AccessUnit[]) =>
          list.filter(({ config }) => config.kind === kind).map(({ dts, pts, key, data }) => ({ dts, pts, key, data: Buffer.from(data) }));
        expect(strip(out)).toEqual(strip(units));
      }
      for (const { fragment, config, dts, pts, data } of out) {
        const samples = parseFragment(fragment.bytes, parseInit(fragment.init)!)!;
        expect(samples).toHaveLength(1);
        const [sample] = samples;
        const toTimescale = (ticks: number) => Math.round((ticks * sample!.track.timescale) / 90_000);
        expect(sample).toMatchObject({ dts: toTimescale(dts), pts: toTimescale(pts), bytes: data.length });
        expect(sample!.track.config).toEqual(config);
        expect(Buffer.from(fragment.bytes.subarray(sample!.offset, sample!.offset + sample!.bytes))).toEqual(Buffer.from(data));
      }
      expect(new Set(out.map(({ fragment }) => fragment.init)).size).toBe(1);
    }
  });

  it.each([
    ['Opus', opusConfig(1)],
    ['µ-law', PCM],
  ])('makes files that ffmpeg reads with both tracks: %s', async (_, audio) => {
    for (const binary of binaries) {
      const { out } = await remux(binary, stream(plain, audio, 60));
      const file = join(folder, 'both.mp4');
      writeFileSync(file, concat([out[0]!.fragment.init, ...out.map(({ fragment }) => fragment.bytes)]));
      const process = new FfmpegProcess({
        binary,
        inputs: [{ url: file, options: ['-loglevel', 'info'] }],
        output: ['-map', '0:v', '-map', '0:a', '-c', 'copy', '-f', 'framecrc', 'pipe:1'],
        clock: systemClock,
        log: silentLog,
        onOutput: (chunk) => (text += Buffer.from(chunk).toString()),
      });
      let text = '';
      process.start();
      const { lines } = await process.exited;
      const packets = text.split('\n').filter((line) => /^[01],/.test(line));
      expect(packets.filter((line) => line.startsWith('0,'))).toHaveLength(60);
      expect(packets.length, lines.join('\n')).toBe(out.length);
    }
  });

  it('lets a frame out when the next one is there, and the last ones at the end', async () => {
    const units = stream(plain, null, 20);
    let arrived: () => void = () => {};
    const out: MuxedUnit[] = [];
    const process = new RemuxProcess({
      clock: systemClock,
      log: silentLog,
      onFragment: (unit) => {
        out.push(unit);
        arrived();
      },
      onFailure: (error) => expect.unreachable(error.message),
    });
    process.start([units[0]!.config]);
    for (const [index, unit] of units.entries()) {
      const due = index === 0 ? Promise.resolve() : new Promise<void>((resolve) => (arrived = resolve));
      process.write(unit);
      await due;
      expect(out).toHaveLength(index);
    }
    await process.close();
    expect(out).toHaveLength(units.length);
  });

  it('says so once when ffmpeg dies, and takes nothing more', async () => {
    const failed = await new Promise<string>((resolve) => {
      const process = new RemuxProcess({
        binary: { path: '/bin/false', version: '0', libavformat: 59, origin: 'chosen' },
        clock: systemClock,
        log: silentLog,
        onFragment: () => expect.unreachable(),
        onFailure: (error) => {
          expect(process.write(plain[0]!)).toBe(false);
          void process.close().then(() => resolve(error.code));
        },
      });
      process.start([plain[0]!.config]);
    });
    expect(failed).toBe('ffmpeg-failed');
  });
});
