import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AudioConfig, TrackConfig, VideoConfig } from '../access-unit.ts';
import { concat } from '../concat.ts';
import { h264Config } from '../h264/avcc.ts';
import { opusConfig } from '../opus/dops.ts';
import { seededRandom } from '../../../test/fakes/seeded-random.ts';
import { box, boxesIn, findBox, fullBox, u32, u64 } from './boxes.ts';
import { buildFragment } from './build-fragment.ts';
import { buildInit, INIT_TIMESCALE } from './build-init.ts';
import { parseFragment, setBaseDecodeTime, setSequenceNumber } from './fragment.ts';
import { parseInit, type InitSegment } from './init.ts';
import { mergeInits, setTrackId } from './merge.ts';
import { BoxSplitter } from './splitter.ts';

const CLIP = new Uint8Array(readFileSync(new URL('../../../resources/demo/pedestrians.mp4', import.meta.url)));
const H264 = h264Config([Buffer.from('6742c016da0280bfe5c0440000030004000003007a3c58ba80', 'hex')], [Buffer.from('68ce0fc8', 'hex')])!;
/** hvcC of a 1280x720 Main stream as x265 and ffmpeg write it, without its arrays. */
const H265: VideoConfig = {
  kind: 'video',
  codec: 'h265',
  codecString: 'hvc1.1.6.L93.90',
  description: Uint8Array.of(1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93, 0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f, 0),
  width: 1280,
  height: 720,
};
const AAC: AudioConfig = {
  kind: 'audio',
  codec: 'aac',
  codecString: 'mp4a.40.2',
  description: Uint8Array.of(0x12, 0x10),
  sampleRate: 44100,
  channels: 2,
};
const PCM: AudioConfig = {
  kind: 'audio',
  codec: 'pcm_alaw',
  codecString: 'alaw',
  description: new Uint8Array(0),
  sampleRate: 8000,
  channels: 1,
};
const SAMPLES = [
  { data: Uint8Array.of(1, 2, 3), duration: 3000, key: true, compositionOffset: 6000 },
  { data: new Uint8Array(500).fill(7), duration: 3003, key: false, compositionOffset: -3000 },
  { data: Uint8Array.of(9), duration: 2997, key: false },
];

describe('init segments', () => {
  it.each<[string, TrackConfig[]]>([
    ['H.264', [H264]],
    ['H.265', [H265]],
    ['H.264 and Opus', [H264, opusConfig(2)]],
    ['H.265 and AAC', [H265, AAC]],
    ['H.264 and A-law', [H264, PCM]],
    ['Opus alone', [opusConfig(1)]],
  ])('are read back as they were built: %s', (_, configs) => {
    const init = parseInit(buildInit(configs))!;
    expect(init.tracks.map(({ config }) => config)).toEqual(configs);
    expect(init.tracks.map(({ id, timescale }) => ({ id, timescale }))).toEqual(
      configs.map((_, index) => ({ id: index + 1, timescale: INIT_TIMESCALE })),
    );
  });

  it('are read from a file that ffmpeg wrote', () => {
    const [track] = parseInit(CLIP)!.tracks;
    expect(track).toMatchObject({
      timescale: 10240,
      format: 'avc1',
      config: { codec: 'h264', codecString: 'avc1.64001f', width: 768, height: 576 },
    });
  });

  it('keep tracks whose codec is unknown, without a config', () => {
    const bytes = buildInit([H264]);
    bytes.set(Buffer.from('vp08'), Buffer.from(bytes).indexOf('avc1'));
    expect(parseInit(bytes)?.tracks).toMatchObject([{ id: 1, config: null, format: 'vp08' }]);
  });

  it('are merged, one track after another', () => {
    const merged = mergeInits([buildInit([H264]), buildInit([AAC])])!;
    expect(parseInit(merged)?.tracks.map(({ id, config }) => ({ id, config }))).toEqual([
      { id: 1, config: H264 },
      { id: 2, config: AAC },
    ]);
    expect(mergeInits([buildInit([H264]), new Uint8Array(20)])).toBeNull();
    expect(mergeInits([])).toBeNull();
  });
});

describe('fragments', () => {
  const init = parseInit(buildInit([H264, AAC]))!;
  const fragment = { trackId: 1, sequenceNumber: 7, baseDecodeTime: 2 ** 33 + 5, samples: SAMPLES };

  it('are read back as they were built', () => {
    const bytes = buildFragment(fragment);
    const samples = parseFragment(bytes, init)!;
    const base = fragment.baseDecodeTime;
    expect(samples.map(({ dts, pts, duration, key }) => ({ dts: dts - base, pts: pts - base, duration, key }))).toEqual([
      { dts: 0, pts: 6000, duration: 3000, key: true },
      { dts: 3000, pts: 0, duration: 3003, key: false },
      { dts: 6003, pts: 6003, duration: 2997, key: false },
    ]);
    samples.forEach((sample, index) => expect(bytes.subarray(sample.offset, sample.offset + sample.bytes)).toEqual(SAMPLES[index]!.data));
    expect(samples.at(-1)!.offset + samples.at(-1)!.bytes).toBe(bytes.length);
  });

  it('take a new time, number and track in place', () => {
    const bytes = buildFragment(fragment);
    expect(setBaseDecodeTime(bytes, 2 ** 40 + 1)).toBe(true);
    expect(setSequenceNumber(bytes, 99)).toBe(true);
    expect(setTrackId(bytes, 2)).toBe(true);
    expect(bytes).toEqual(buildFragment({ ...fragment, baseDecodeTime: 2 ** 40 + 1, sequenceNumber: 99, trackId: 2 }));
    expect(parseFragment(bytes, init)![0]!.track.id).toBe(2);
  });

  it('refuse times that do not fit', () => {
    const bytes = buildFragment(fragment);
    expect(setBaseDecodeTime(bytes, -1)).toBe(false);
    expect(setBaseDecodeTime(bytes, 2 ** 53)).toBe(false);
    const narrow = concat([box('moof', box('traf', fullBox('tfdt', 0, 0, u32(5))))]);
    expect(setBaseDecodeTime(narrow, 2 ** 32)).toBe(false);
    expect(setBaseDecodeTime(narrow, 77)).toBe(true);
    expect(narrow).toEqual(concat([box('moof', box('traf', fullBox('tfdt', 0, 0, u32(77))))]));
  });

  it('take what they do not say from tfhd, and that from trex, as ffmpeg writes them', () => {
    const short = box(
      'moof',
      fullBox('mfhd', 0, 0, u32(1)),
      box(
        'traf',
        fullBox('tfhd', 0, 0x20038, u32(1, 3600, 10, 0x1010000)),
        fullBox('tfdt', 1, 0, u64(90)),
        fullBox('trun', 0, 5, u32(2, 1000, 0x2000000)),
      ),
    );
    expect(parseFragment(short, init)).toMatchObject([
      { dts: 90, duration: 3600, bytes: 10, key: true, offset: 1000 },
      { dts: 3690, duration: 3600, bytes: 10, key: false, offset: 1010 },
    ]);
    const defaults: InitSegment = { tracks: [{ ...init.tracks[0]!, defaults: { duration: 1, size: 2, flags: 0 } }] };
    const bare = box(
      'moof',
      box('traf', fullBox('tfhd', 0, 0x20000, u32(1)), fullBox('tfdt', 0, 0, u32(3)), fullBox('trun', 0, 0, u32(1))),
    );
    expect(parseFragment(bare, defaults)).toMatchObject([{ dts: 3, duration: 1, bytes: 2, key: true, offset: bare.length + 8 }]);
  });

  it('are null when they contradict themselves', () => {
    const of = (...contents: Uint8Array[]) => parseFragment(box('moof', box('traf', ...contents)), init);
    const tfhd = fullBox('tfhd', 0, 0x20000, u32(1));
    const tfdt = fullBox('tfdt', 1, 0, u64(90));
    expect(of(tfdt), 'no tfhd').toBeNull();
    expect(of(tfhd), 'no tfdt').toBeNull();
    expect(of(fullBox('tfhd', 0, 0x20000, u32(9)), tfdt), 'unknown track').toBeNull();
    expect(of(fullBox('tfhd', 0, 1, u32(1, 0, 0)), tfdt), 'absolute offsets').toBeNull();
    expect(of(tfhd, fullBox('tfdt', 1, 0, u32(0xffffffff, 0))), 'a time before the beginning').toBeNull();
    expect(of(tfhd, tfdt, fullBox('trun', 0, 0x100, u32(3, 1, 1))), 'cut off').toBeNull();
    expect(of(tfhd, tfdt, fullBox('trun', 0, 0, u32(0xffffffff))), 'a flood').toBeNull();
    expect(parseFragment(new Uint8Array(0), init)).toBeNull();
  });
});

describe('BoxSplitter', () => {
  const file = concat([
    buildInit([H264]),
    buildFragment({ trackId: 1, sequenceNumber: 1, baseDecodeTime: 0, samples: SAMPLES }),
    box('free'),
  ]);

  it('gives the same boxes however the bytes come', () => {
    const whole = new BoxSplitter().push(file);
    expect(whole.map(({ type }) => type)).toEqual(['ftyp', 'moov', 'moof', 'mdat', 'free']);
    expect(concat(whole.map(({ bytes }) => bytes))).toEqual(file);
    const random = seededRandom(1);
    for (const most of [1, 3, 20, 400]) {
      const splitter = new BoxSplitter();
      const found = [];
      for (let offset = 0; offset < file.length;) {
        const size = 1 + Math.floor(random() * most);
        found.push(...splitter.push(file.subarray(offset, offset + size)));
        offset += size;
      }
      expect(found.map(({ type, bytes, bodyStart }) => ({ type, bytes, bodyStart }))).toEqual(whole);
      expect(splitter.pendingBytes).toBe(0);
    }
  });

  it('reads sizes of 64 bits', () => {
    const long = concat([u32(1), Buffer.from('mdat'), u64(19), Uint8Array.of(1, 2, 3)]);
    const splitter = new BoxSplitter();
    expect(splitter.push(long.subarray(0, 12))).toEqual([]);
    expect(splitter.push(long.subarray(12))).toMatchObject([{ type: 'mdat', bodyStart: 16 }]);
  });

  it.each([
    ['too big', concat([u32(2000), Buffer.from('mdat')])],
    ['too small', concat([u32(7), Buffer.from('mdat')])],
    ['endless', concat([u32(0), Buffer.from('mdat')])],
    ['beyond 2^53', concat([u32(1), Buffer.from('mdat'), u32(0xffffffff, 0)])],
  ])('ends at a box that is %s', (_, bytes) => {
    expect(() => new BoxSplitter({ maxBoxBytes: 1000 }).push(bytes)).toThrow(expect.objectContaining({ code: 'protocol-error' }));
  });
});

describe('hostile input', () => {
  it('never throws nor loops, nor points outside, in 10^4 damaged files', () => {
    const random = seededRandom(11);
    const init = buildInit([H264, AAC]);
    const fragment = buildFragment({ trackId: 1, sequenceNumber: 7, baseDecodeTime: 5, samples: SAMPLES });
    const good = parseInit(init)!;
    for (let count = 0; count < 10_000; count += 1) {
      const bytes = concat([init, fragment]).slice(0, random() < 0.3 ? Math.floor(random() * 1400) : undefined);
      for (let hits = 1 + Math.floor(random() * 4); hits > 0; hits -= 1)
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const parsed = parseInit(bytes);
      for (const { config } of parsed?.tracks ?? []) expect(config === null || config.description.length < bytes.length).toBe(true);
      for (const sample of parseFragment(bytes, parsed ?? good) ?? []) {
        expect(sample.offset).toBeGreaterThanOrEqual(0);
        expect(Number.isSafeInteger(sample.dts + sample.offset + sample.bytes)).toBe(true);
      }
      for (const found of boxesIn(bytes)) expect(found.end).toBeLessThanOrEqual(bytes.length);
      findBox(bytes, ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd']);
      mergeInits([bytes, init]);
      try {
        const splitter = new BoxSplitter({ maxBoxBytes: 4096 });
        splitter.push(bytes);
        expect(splitter.pendingBytes).toBeLessThanOrEqual(4096);
      } catch (error) {
        expect(error).toMatchObject({ code: 'protocol-error' });
      }
    }
  });
});
