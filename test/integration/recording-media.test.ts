import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { pts90k, utcMs } from '../../electron/base/units.ts';
import { FragmentReader } from '../../electron/ffmpeg/fragment-reader.ts';
import { fragmentedOutput } from '../../electron/ffmpeg/fragments.ts';
import { hasOtherSps } from '../../electron/media/parameter-change.ts';
import { seededRandom } from '../fakes/seeded-random.ts';
import { changed, material, moved, placed, type Material } from './recording-material.ts';
import { RecordingWorld, type Way } from './recording-world.ts';
import type { FragmentUnit } from '../../electron/segment/remux-feed.ts';

/*
 * What cameras send, through the real recorder by both ways: units with their fragments (RTSP), and without (peer to peer, muxed by a real
 * ffmpeg). Every file that comes of it is read back by a real decoder.
 */

const T0 = Date.UTC(2026, 10, 23, 10, 0, 7);
const WAYS: Way[] = ['fragments', 'bare'];

let world: RecordingWorld;
afterEach(() => world.close());

const isVideo = ({ config }: { config: { kind: string } }) => config.kind === 'video';
const lengthMs = (units: readonly FragmentUnit[]) => {
  const video = units.filter(isVideo);
  const step = (video[1]?.dts ?? 0) - (video[0]?.dts ?? 0);
  return ((video.at(-1)?.dts ?? 0) - (video[0]?.dts ?? 0) + step) / 90;
};

/** One kind after the other without a pause. An RTSP camera's ffmpeg is started anew for each; a peer tells of another format. */
async function inTurn(way: Way, kinds: readonly Material[]): Promise<{ at: number; units: FragmentUnit[] }[]> {
  world = await RecordingWorld.open(way, T0);
  const played: { at: number; units: FragmentUnit[] }[] = [];
  let at = T0;
  for (const [i, kind] of kinds.entries()) {
    const from = way === 'bare' ? (at - T0) * 90 + 90_000 : 90_000;
    const units = placed(material(kind), { at, from, timeline: way === 'bare' ? 1 : i + 1 });
    await world.play(units);
    played.push({ at, units });
    at += lengthMs(units);
  }
  await world.recorder.close();
  return played;
}

describe.each(WAYS)('a camera that changes on the way, by %s,', (way) => {
  it.each<[string, Material[]]>([
    ['from H.264 to H.265 and back', [{}, { video: 'libx265' }, {}]],
    ['to a larger picture', [{ size: '320x180' }, { size: '640x360' }]],
    ['its parameter sets at the same size', [{}, { options: ['-level', '4.0'] }, { options: ['-level', '5.1'] }]],
  ])('%s, is recorded without a gap', async (_, kinds) => {
    const played = await inTurn(way, kinds);
    const files = await world.judge();
    expect(files).toHaveLength(kinds.length);
    for (const [i, { row, streams }] of files.entries()) {
      const { at, units } = played[i]!;
      expect(Math.abs(row.start - at)).toBeLessThanOrEqual(85);
      expect(row.codec).toBe(units[0]?.config.codecString);
      expect(streams[0]).toMatchObject({ codec: kinds[i]?.video === 'libx265' ? 'hevc' : 'h264', packets: units.length });
    }
    const { spans, gaps } = await world.recordings(files[0]!.row.start, files.at(-1)!.row.end);
    expect([spans, gaps]).toMatchObject([[{ from: files[0]!.row.start }], []]);
  });

  it('its sound (none, AAC, Opus, µ-law, A-law, none), is recorded with all of it', async () => {
    const kinds: Material[] = [null, 'aac', 'libopus', 'pcm_mulaw', 'pcm_alaw', null].map((sound) => ({ sound }) as Material);
    const played = await inTurn(way, kinds);
    const files = await world.judge();
    const pictures = files.reduce((sum, { streams }) => sum + (streams[0]?.packets ?? 0), 0);
    expect(pictures).toBe(played.reduce((sum, { units }) => sum + units.filter(isVideo).length, 0));
    const sounds = files.flatMap(({ streams }) => streams.slice(1).map(({ codec }) => codec));
    expect(new Set(sounds)).toEqual(new Set(['aac', 'opus', 'pcm_mulaw', 'pcm_alaw']));
    for (const codec of ['aac', 'opus', 'pcm_mulaw', 'pcm_alaw']) {
      const seconds = files
        .flatMap(({ streams }) => streams.filter((stream) => stream.codec === codec))
        .reduce((sum, { seconds: s }) => sum + s, 0);
      // By the peer's way other sound is known when its first packet comes, and goes along from the next keyframe on.
      expect(seconds).toBeGreaterThan(way === 'bare' ? 2.5 : 3.8);
    }
    const { gaps } = await world.recordings(files[0]!.row.start, files.at(-1)!.row.end);
    expect(gaps).toEqual([]);
  });
});

describe.each(WAYS)('what cameras send, by %s,', (way) => {
  it.each<[string, Material]>([
    ['B-frames of H.264', { options: ['-preset', 'medium', '-bf', '3'], sound: 'aac' }],
    ['B-frames of H.265', { video: 'libx265', options: ['-preset', 'medium', '-bf', '3'], sound: 'pcm_alaw' }],
    ['60 frames a second', { fps: 60, sound: 'libopus' }],
    ['one frame a second', { fps: 1, seconds: 20 }],
  ])('%s, is recorded frame for frame', async (_, kind) => {
    const [only] = await inTurn(way, [kind]);
    const [file, ...others] = await world.judge();
    expect(others).toEqual([]);
    expect(file?.streams[0]?.packets).toBe(only?.units.filter(isVideo).length);
    if (kind.sound) expect(file?.streams[1]?.seconds).toBeGreaterThan(3.8);
    expect(file!.row.end - file!.row.start).toBeGreaterThan(lengthMs(only!.units) - 100);
  });

  it('a frame rate that varies from 1 to 60, and a frame that is held for 8 s, is one span', async () => {
    world = await RecordingWorld.open(way, T0);
    const units = material({ options: ['-bf', '0'], seconds: 8 });
    const steps = [16, 16, 1_000, 40, 16, 8_000, 500, 33];
    let dts = 90_000;
    const varied = units.map((unit, i) => {
      const next = changed(unit, { dts: pts90k(dts), pts: pts90k(dts), utc: utcMs(T0 + dts / 90 - 1_000) });
      dts += (steps[i % steps.length] ?? 40) * 90;
      return { ...next, receivedAt: next.utc };
    });
    await world.play(varied);
    await world.recorder.close();
    const files = await world.judge();
    expect(files.reduce((sum, { streams }) => sum + (streams[0]?.packets ?? 0), 0)).toBe(varied.length);
    const { spans, gaps } = await world.recordings(T0, varied.at(-1)!.utc);
    expect([spans, gaps]).toEqual([[{ from: T0, to: varied.at(-1)!.utc }], []]);
  });
});

describe.each(WAYS)('a camera that sends garbage for a while, by %s,', (way) => {
  /** Good pictures, then `ms` of what `spoil` makes of them, then good ones. */
  async function spoiled(ms: number, spoil: (unit: FragmentUnit, i: number) => FragmentUnit) {
    world = await RecordingWorld.open(way, T0);
    const clip = material({ options: ['-bf', '0'], seconds: 8 });
    const good = (at: number) => placed(clip, { at: T0 + at, from: 90_000 + at * 90, timeline: 1 });
    await world.play(good(0));
    const bad: FragmentUnit[] = [];
    for (let at = 8_000; at < 8_000 + ms; at += 8_000) bad.push(...good(at));
    await world.play(bad.map((unit, i) => ({ ...spoil(unit, i), receivedAt: unit.receivedAt })));
    await world.play(good(8_000 + ms));
    await world.recorder.close();
    return world.recordings(T0, T0 + 16_000 + ms);
  }

  const random = seededRandom(9);
  const noise = (bytes: number) => Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256));

  it('random bytes: the gap says that nothing came to begin with, and the rest is whole', async () => {
    const { spans, gaps } = await spoiled(16_000, (unit) => changed(unit, { data: noise(unit.data.length) }));
    await world.judge();
    expect(gaps).toMatchObject([{ reason: 'no-keyframe' }]);
    expect(spans).toEqual([
      { from: T0, to: gaps[0]?.from },
      { from: T0 + 24_000, to: T0 + 32_000 },
    ]);
    expect(Math.abs((gaps[0]?.from ?? 0) - T0 - 8_000)).toBeLessThanOrEqual(45);
    expect(world.recorder.stats.garbled).toBe(400);
  });

  it('pictures that are cut off', async () => {
    const { gaps } = await spoiled(16_000, (unit) => changed(unit, { data: unit.data.subarray(0, unit.data.length / 2) }));
    await world.judge();
    expect(gaps).toMatchObject([{ reason: 'no-keyframe' }]);
  });

  it('slices that make no sense inside: they are recorded, and what follows decodes', async () => {
    const { gaps } = await spoiled(8_000, (unit) => {
      const data = unit.data.slice();
      for (let i = 12; i < data.length; i++) data[i] = Math.floor(random() * 256);
      // The lengths of the NAL units are left as they were: one NAL unit each.
      new DataView(data.buffer).setUint32(0, data.length - 4);
      data[4] = unit.key ? 0x65 : 0x41;
      return changed(unit, { data });
    });
    const files = await world.judge(true);
    expect(gaps).toEqual([]);
    expect(files.reduce((sum, { streams }) => sum + (streams[0]?.packets ?? 0), 0)).toBe(600);
  });

  it('times that go back, stand still, and jump by an hour: what is missing is said, and is short', async () => {
    const { gaps } = await spoiled(32_000, (unit, i) => {
      const group = Math.floor(i / 25);
      if (group % 8 === 1) return changed(unit, { dts: pts90k(unit.dts - 450_000), pts: pts90k(unit.pts - 450_000) });
      if (group % 8 === 3)
        return changed(unit, { dts: pts90k(unit.dts - (unit.dts % 90_000)), pts: pts90k(unit.pts - (unit.pts % 90_000)) });
      if (group % 8 === 5) return moved(unit, 3_600 * 90_000, unit.utc - (unit.pts + 3_600 * 90_000) / 90);
      return unit;
    });
    await world.judge();
    for (const gap of gaps) {
      expect(['clock-set', 'no-keyframe', 'source-stalled', 'session-lost']).toContain(gap.reason);
      expect(gap.to - gap.from).toBeLessThan(3_000);
    }
    const missing = gaps.reduce((sum, { from, to }) => sum + to - from, 0);
    expect(missing).toBeLessThan(12_000);
  });
});

describe('a camera that changes its parameter sets under a running ffmpeg,', () => {
  /** What one `ffmpeg -c copy` makes of a raw stream whose second half is of another kind. */
  function copied(codec: 'h264' | 'hevc', sizes: readonly string[]): FragmentUnit[] {
    const encoder = codec === 'h264' ? ['-c:v', 'libx264', '-bf', '0'] : ['-c:v', 'libx265', '-x265-params', 'log-level=error:bframes=0'];
    const raw = sizes.map((size) =>
      execFileSync(
        'ffmpeg',
        [
          '-nostdin',
          '-v',
          'error',
          '-f',
          'lavfi',
          '-i',
          `testsrc=s=${size}:r=25`,
          '-t',
          '3',
          '-pix_fmt',
          'yuv420p',
          '-preset',
          'ultrafast',
        ].concat(['-g', '25', ...encoder, '-f', codec, 'pipe:1']),
        { maxBuffer: 64 * 1024 * 1024 },
      ),
    );
    const tracks = { video: true, audio: 'none' } as const;
    const output = execFileSync(
      'ffmpeg',
      ['-v', 'error', '-r', '25', '-f', codec, '-i', 'pipe:0', '-c', 'copy', ...fragmentedOutput(tracks)],
      {
        input: Buffer.concat(raw),
        maxBuffer: 64 * 1024 * 1024,
      },
    );
    const units: FragmentUnit[] = [];
    const reader = new FragmentReader({
      tracks,
      timeline: 1,
      clock: new SimulatedClock(),
      onUnit: (unit) => units.push(unit as FragmentUnit),
    });
    reader.push(new Uint8Array(output));
    return units;
  }

  it('is recorded without a gap where it is H.264: each file has the header that its pictures need', async () => {
    world = await RecordingWorld.open('fragments', T0);
    const units = copied('h264', ['320x180', '640x360']);
    await world.play(placed(units, { at: T0, from: 90_000, timeline: 1 }));
    await world.recorder.close();
    const files = await world.judge();
    expect(files.map(({ streams }) => streams[0]?.packets)).toEqual([75, 75]);
    expect(units.map(({ config }) => config.kind === 'video' && config.width)).toEqual([...Array(75).fill(320), ...Array(75).fill(640)]);
    expect((await world.recordings(T0, T0 + 6_000)).gaps).toEqual([]);
  });

  it('is noticed at the keyframe where it is H.265', async () => {
    world = await RecordingWorld.open('fragments', T0);
    const units = copied('hevc', ['320x180', '640x360']);
    expect(units.findIndex((unit) => hasOtherSps(unit))).toBe(75);
  });
});
