import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import { concat } from '../media/concat.ts';
import { joinAvcc } from '../media/h264/nal.ts';
import { opusConfig } from '../media/opus/dops.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { PacketReader } from './packet-reader.ts';

const SETS = Buffer.from('000000016742c016da0280bfe5c0440000030004000003007a3c58ba800000000168ce0fc8', 'hex');
const IDR = Buffer.from('6588840a0b0a', 'hex');
const SLICE = Buffer.from('419a020a0d', 'hex');
const START = Buffer.from('00000001', 'hex');
const text = (line: string) => Buffer.from(line + '\n');
const HEAD = [
  text('#software: Lavf59'),
  text('#tb 0: 1/10240'),
  text('#media_type 0: video'),
  text('#format: frame checksums'),
  text('#tb 0: 1/48000'),
];
const video = (time: number, data: Uint8Array) => [text(`0, ${time}, ${time}, 1024, ${data.length}, 0x50ff0be1, F=0x0, S=1,   8`), data];
const audio = (time: number, data: Uint8Array) => [
  text(`0,   ${time},   ${time},      960,      ${data.length}, d41d8cd98f00b204e9800998ecf8427e`),
  data,
];
const STREAM = concat([
  ...HEAD,
  ...video(0, concat([START, SLICE])),
  ...video(1024, concat([SETS, START, IDR])),
  // Sound that looks like lines, line ends and all.
  ...audio(4800, text('0, 1, 2, 3, 4, 0x0\n#tb 0: 1/1')),
  ...video(2048, concat([START, SLICE])),
]);

function read(chunks: readonly Uint8Array[], sound = true): AccessUnit[] {
  const units: AccessUnit[] = [];
  const reader = new PacketReader({
    audio: sound ? opusConfig(1) : null,
    timeline: 3,
    clock: new SimulatedClock(),
    onUnit: (unit) => units.push(unit),
  });
  for (const chunk of chunks) reader.push(chunk);
  return units;
}

describe('PacketReader', () => {
  it('reads lines and bytes, from the first keyframe on, however they are cut', () => {
    const random = seededRandom(1);
    for (const most of [1, 7, 60, 10_000]) {
      const chunks: Uint8Array[] = [];
      for (let offset = 0; offset < STREAM.length;) {
        const size = 1 + Math.floor(random() * most);
        chunks.push(STREAM.subarray(offset, offset + size));
        offset += size;
      }
      const units = read(chunks);
      expect(units.map(({ config, dts, pts, key, timeline }) => ({ codec: config.codec, dts, pts, key, timeline }))).toEqual([
        { codec: 'h264', dts: 9000, pts: 9000, key: true, timeline: 3 },
        { codec: 'opus', dts: 9000, pts: 9000, key: true, timeline: 3 },
        { codec: 'h264', dts: 18000, pts: 18000, key: false, timeline: 3 },
      ]);
      expect(Buffer.from(units[0]!.data)).toEqual(Buffer.from(joinAvcc([IDR])));
      expect(units[0]!.config).toMatchObject({ width: 640, height: 360 });
      expect(units[2]!.config).toBe(units[0]!.config);
    }
  });

  it('leaves out frames whose times go back', () => {
    const again = concat([...HEAD, ...video(1024, concat([SETS, START, IDR])), ...video(1000, concat([START, SLICE]))]);
    expect(read([again])).toHaveLength(1);
  });

  it.each([
    ['no line', text('hello')],
    ['an endless line', new Uint8Array(5000).fill(0x20)],
    ['a packet too big', text('0, 1, 1, 1, 99999999, 0x1')],
  ])('ends at %s', (_, bytes) => {
    expect(() => read([concat(HEAD), bytes])).toThrow(expect.objectContaining({ code: 'protocol-error' }));
  });

  it('survives 10^4 damaged streams', () => {
    const random = seededRandom(5);
    for (let count = 0; count < 10_000; count += 1) {
      const bytes = STREAM.slice();
      for (let hits = 0; hits < 3; hits += 1) bytes[Math.floor(random() * bytes.length)] = random() * 256;
      try {
        for (const { pts, dts } of read([bytes])) expect(Number.isSafeInteger(pts + dts)).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: 'protocol-error' });
      }
    }
  });
});
