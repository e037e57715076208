import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../test/fakes/seeded-random.ts';
import { hasOtherSps } from '../parameter-change.ts';
import { h264Config, parseAvcC } from './avcc.ts';
import { avccToAnnexB, joinAvcc, splitAnnexB, splitAvcc } from './nal.ts';
import { ParameterSets } from './parameter-sets.ts';
import { parseSps } from './sps.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
/** Written by libx264 for the picture named. */
const SPS = {
  baseline640x360at15: hex('6742c016da0280bfe5c0440000030004000003007a3c58ba80'),
  baseline1280x720: hex('6742c01fda014016ec04400000030040000007a3c60ca8'),
  high768x576at10: hex('6764001facb3018024d080000003008000000a078c1934'),
};
const PPS = hex('68ce0fc8');

describe('parseSps', () => {
  it('reads size, profile, level and rate', () => {
    expect(parseSps(SPS.baseline640x360at15)).toMatchObject({
      profile: 66,
      constraints: 0xc0,
      level: 22,
      width: 640,
      height: 360,
      fps: 15,
    });
    expect(parseSps(SPS.high768x576at10)).toMatchObject({
      profile: 100,
      level: 31,
      width: 768,
      height: 576,
      fps: 10,
    });
    expect(parseSps(SPS.baseline1280x720)).toMatchObject({ width: 1280, height: 720 });
  });

  it.each([
    ['1366 columns are 1376 less 10', '6742c020da01581879bc0440000003004000000f03c60ca8', { width: 1366, height: 768, fps: 30 }],
    ['interlaced, in fields of 288 lines', '674d401ef405a126c044000003000400000300c87c50aa80', { width: 720, height: 576, fps: 25 }],
    ['without chroma subsampling', '67f4001e919680a43fe2e3f011000003000100000300320f162ea0', { width: 646, height: 482, chromaFormat: 3 }],
    ['1080 lines are 1088 less 8', '67640028acd940780227e5c044000003000400000300c83c60c658', { width: 1920, height: 1080 }],
  ])('crops: %s', (_, sps, picture) => {
    expect(parseSps(hex(sps))).toMatchObject(picture);
  });

  it('is null for other units and for what is cut off', () => {
    expect(parseSps(PPS)).toBeNull();
    expect(parseSps(SPS.baseline640x360at15.subarray(0, 7))).toBeNull();
    expect(parseSps(new Uint8Array(0))).toBeNull();
  });

  it('survives 10^4 damaged ones', () => {
    const random = seededRandom(2);
    for (let count = 0; count < 10_000; count += 1) {
      const bytes = random() < 0.5 ? SPS.baseline640x360at15.slice() : new Uint8Array(Math.floor(random() * 64)).map(() => random() * 256);
      if (bytes.length > 0) bytes[0] = 0x67;
      for (let hits = 0; hits < 3; hits += 1) if (bytes.length > 1) bytes[1 + Math.floor(random() * (bytes.length - 1))] = random() * 256;
      const sps = parseSps(bytes);
      if (!sps) continue;
      expect(sps.width).toBeGreaterThan(0);
      expect(sps.width).toBeLessThanOrEqual(16384);
      expect(sps.height).toBeGreaterThan(0);
      expect(sps.height).toBeLessThanOrEqual(16384);
    }
  });
});

describe('avcC', () => {
  it('is read back as it was built', () => {
    const config = h264Config([SPS.baseline640x360at15], [PPS])!;
    expect(config).toMatchObject({ codecString: 'avc1.42c016', width: 640, height: 360 });
    expect(parseAvcC(config.description)).toEqual({
      profile: 66,
      constraints: 0xc0,
      level: 22,
      lengthSize: 4,
      sps: [SPS.baseline640x360at15],
      pps: [PPS],
    });
  });

  it('carries the chroma format for high profiles (ISO 14496-15 §5.3.3.1.2)', () => {
    const config = h264Config([SPS.high768x576at10], [PPS])!;
    expect([...config.description.slice(-4)]).toEqual([0xfd, 0xf8, 0xf8, 0]);
  });

  it('is null without sets or when cut off anywhere', () => {
    expect(h264Config([], [PPS])).toBeNull();
    expect(h264Config([SPS.baseline640x360at15], [])).toBeNull();
    const { description } = h264Config([SPS.baseline640x360at15], [PPS])!;
    for (let end = 0; end < description.length; end += 1) expect(parseAvcC(description.subarray(0, end))).toBeNull();
  });

  it('tells when a keyframe brings other parameter sets', () => {
    const config = h264Config([SPS.baseline640x360at15], [PPS])!;
    const frame = (sps: Uint8Array, key = true) => ({ config, key, data: joinAvcc([sps, PPS, hex('6588')]) });
    expect(hasOtherSps(frame(SPS.baseline640x360at15))).toBe(false);
    expect(hasOtherSps(frame(SPS.baseline1280x720))).toBe(true);
    expect(hasOtherSps(frame(SPS.baseline1280x720, false))).toBe(false);
    expect(hasOtherSps({ config, key: true, data: joinAvcc([hex('6588')]) })).toBe(false);
  });
});

describe('NAL units', () => {
  const nals = [hex('67aabb'), hex('68cc'), hex('65000003018899')];

  it('go from AVCC to Annex B and back', () => {
    expect(splitAnnexB(avccToAnnexB(joinAvcc(nals)))).toEqual(nals);
    expect(splitAnnexB(hex('000167aabb00000168cc0000000001'))).toEqual([hex('68cc')]);
  });

  it('are cut at a length that does not fit', () => {
    expect(splitAvcc(hex('00000002aabb00000009cc'))).toEqual([hex('aabb')]);
    expect(splitAvcc(hex('ffffffff'))).toEqual([]);
    expect(splitAvcc(hex('00000000' + '00000001aa'))).toEqual([hex('aa')]);
  });
});

describe('ParameterSets', () => {
  it('keep one config object until a set changes', () => {
    const sets = new ParameterSets();
    expect(sets.config).toBeNull();
    sets.add(SPS.baseline640x360at15);
    expect(sets.config).toBeNull();
    sets.add(PPS);
    const first = sets.config;
    sets.add(SPS.baseline640x360at15.slice());
    sets.add(PPS.slice());
    expect(first).not.toBeNull();
    expect(sets.config).toBe(first);
    sets.add(SPS.baseline1280x720);
    expect(sets.config).toMatchObject({ width: 1280 });
  });

  it('do not grow with what a hostile sender sends', () => {
    const sets = new ParameterSets();
    const random = seededRandom(4);
    let taken = 0;
    for (let count = 0; count < 10_000; count += 1) {
      const nal = new Uint8Array(4 + Math.floor(random() * 3000)).map(() => random() * 256);
      nal[0] = 0x68;
      if (sets.add(nal)) taken += 1;
    }
    expect(taken).toBeLessThan(10_000);
    sets.add(SPS.baseline640x360at15);
    expect(sets.config!.description.length).toBeLessThan(10 * 1024);
  });
});
