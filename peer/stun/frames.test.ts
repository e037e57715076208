import { expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { padFrame, StunFrames } from './frames.ts';
import { METHOD, STUN_CLASS, writeStun } from './message.ts';

const stun = (bytes: number) =>
  writeStun({ class: STUN_CLASS.request, method: METHOD.allocate, transactionId: Buffer.alloc(12, bytes) }, [
    { type: 0x8022, value: Buffer.alloc(bytes) },
  ]);
const channel = (number: number, bytes: number) => {
  const header = Buffer.alloc(4);
  header.writeUInt16BE(number, 0);
  header.writeUInt16BE(bytes, 2);
  return Buffer.concat([header, Buffer.alloc(bytes, number & 0xff)]);
};
const FRAMES = [
  stun(3),
  channel(0x4000, 0),
  channel(0x4001, 1),
  stun(0),
  channel(0x7ffe, 1203),
  channel(0x4000, 65_535),
  stun(60_000),
  channel(0x4fff, 4),
];
const STREAM = Buffer.concat(FRAMES.map(padFrame));

it('cuts a stream into the frames that were put into it, wherever it was broken', () => {
  const random = seededRandom(23);
  for (let round = 0; round < 50; round += 1) {
    const frames = new StunFrames();
    const found: Buffer[] = [];
    for (let at = 0; at < STREAM.length;) {
      const size = 1 + Math.floor(random() * (round < 10 ? 40 : 3000));
      found.push(...(frames.push(STREAM.subarray(at, at + size)) ?? []));
      at += size;
    }
    expect(found).toEqual(FRAMES);
  }
  expect(new StunFrames().push(STREAM)).toEqual(FRAMES);
});

it('finds out that a stream is something else', () => {
  for (const other of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x00\x05hello', '\x80\x00\x00\x00', '\xff\xff\xff\xff']) {
    const frames = new StunFrames();
    const read = frames.push(Buffer.from(other, 'latin1'));
    // "GE" could be a channel: then it waits for as much as that would be, and no more.
    expect(other.startsWith('GET') ? read : read === null).toEqual(other.startsWith('GET') ? [] : true);
  }
  // A message is a multiple of four.
  expect(new StunFrames().push(Buffer.from('0003000121120442'.padEnd(48, '0'), 'hex'))).toBeNull();
});

it('keeps no more than one frame that is not whole, through a hundred thousand pieces of noise', () => {
  const random = seededRandom(29);
  let frames = new StunFrames();
  let waiting = 0;
  for (let round = 0; round < 100_000; round += 1) {
    const piece = Buffer.alloc(1 + Math.floor(random() * 200));
    for (let at = 0; at < piece.length; at += 1) piece[at] = Math.floor(random() * 256);
    if (random() < 0.9) piece[0] = Math.floor(random() * 128);
    const found = frames.push(piece);
    waiting += piece.length;
    if (found === null) {
      frames = new StunFrames();
      waiting = 0;
    } else if (found.length > 0) waiting = 0;
    expect(waiting).toBeLessThan(20 + 65_536 + 200 + 4);
  }
});
