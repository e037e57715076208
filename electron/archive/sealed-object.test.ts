import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ArchiveKey } from './archive-key.ts';
import { CHUNK_BYTES, HEADER_BYTES, ObjectSealer, OpenedObject, TAG_BYTES } from './sealed-object.ts';

const key = ArchiveKey.create();
const NAME = 'cam-abcdefgh/2026-11-23/1795428007300.mp4.sealed';
const NOTES = new TextEncoder().encode('{"what":"the row says"}');

function sealFile(file: Uint8Array, name = NAME): Uint8Array {
  const sealer = new ObjectSealer(key, name, file.length, NOTES);
  const pieces = [sealer.head];
  for (let at = 0; at < file.length; at += CHUNK_BYTES) pieces.push(sealer.chunk(file.subarray(at, at + CHUNK_BYTES)));
  const object = Buffer.concat(pieces);
  expect(object.length).toBe(sealer.totalBytes);
  return object;
}

/** As the reader does it: the head, then exactly the chunks. */
function read(object: Uint8Array, offset: number, bytes: number, name = NAME, using = key): Uint8Array {
  const opened = OpenedObject.open(using, name, object);
  const range = opened.range(offset, bytes);
  const plain = Buffer.concat(opened.openChunks(range, object.subarray(range.from, range.to)));
  return plain.subarray(offset - range.first * CHUNK_BYTES, offset - range.first * CHUNK_BYTES + bytes);
}

const readAll = (object: Uint8Array, file: Uint8Array, name = NAME) => read(object, 0, file.length, name);

describe('a sealed object', () => {
  it('gives back every range of a file of any length, by its chunks alone', () => {
    for (const length of [1, 15, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 17]) {
      const file = randomBytes(length);
      const object = sealFile(file);
      expect(Buffer.compare(readAll(object, file), file)).toBe(0);
      for (let i = 0; i < 40; i++) {
        const offset = Math.floor(Math.random() * length);
        const bytes = 1 + Math.floor(Math.random() * (length - offset));
        expect(Buffer.compare(read(object, offset, bytes), file.subarray(offset, offset + bytes))).toBe(0);
      }
    }
  });

  it('refuses each single flipped bit', () => {
    const file = randomBytes(200);
    const object = sealFile(file);
    for (let bit = 0; bit < object.length * 8; bit++) {
      const flipped = Uint8Array.from(object);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => readAll(flipped, file), `bit ${bit}`).toThrow();
    }
  });

  it('refuses random changes anywhere in a large file', () => {
    const file = randomBytes(4 * CHUNK_BYTES + 99);
    const object = sealFile(file);
    for (let i = 0; i < 300; i++) {
      const changed = Uint8Array.from(object);
      const at = Math.floor(Math.random() * object.length);
      changed[at] = (changed[at] ?? 0) ^ (1 + Math.floor(Math.random() * 255));
      expect(() => readAll(changed, file), `byte ${at}`).toThrow();
    }
  });

  it('refuses an object cut at any byte', () => {
    const file = randomBytes(CHUNK_BYTES + 50);
    const object = sealFile(file);
    const lengths = [...Array(400).keys(), CHUNK_BYTES, object.length - 50 - TAG_BYTES, object.length - 1];
    for (const length of lengths) expect(() => readAll(object.subarray(0, length), file), `${length} bytes`).toThrow();
  });

  it('refuses a file cut at a chunk, also when its header says so', () => {
    const file = randomBytes(2 * CHUNK_BYTES);
    const object = Buffer.from(sealFile(file));
    object.writeBigUInt64BE(BigInt(CHUNK_BYTES), 52);
    expect(() => read(object, 0, CHUNK_BYTES)).toThrow();
  });

  it('refuses chunks in another order, twice, or of another object', () => {
    const file = randomBytes(3 * CHUNK_BYTES);
    const object = sealFile(file);
    const other = sealFile(file);
    const { from } = OpenedObject.open(key, NAME, object).chunkRange(0, 0);
    const size = CHUNK_BYTES + TAG_BYTES;
    const chunk = (of: Uint8Array, index: number) => of.subarray(from + index * size, from + (index + 1) * size);
    const put = (index: number, bytes: Uint8Array) => {
      const changed = Buffer.from(object);
      changed.set(bytes, from + index * size);
      return changed;
    };
    expect(() => readAll(put(0, chunk(object, 1)), file)).toThrow('altered');
    expect(() => readAll(put(1, chunk(object, 2)), file)).toThrow('altered');
    expect(() => readAll(put(1, chunk(other, 1)), file)).toThrow('altered');
  });

  it('opens under its own name and its own key only', () => {
    const file = randomBytes(1_000);
    const object = sealFile(file);
    expect(() => readAll(object, file, 'cam-abcdefgh/2026-11-23/1795428007301.mp4.sealed')).toThrow('altered');
    expect(() => readAll(object, file, 'cam-bbbbbbbb/2026-11-23/1795428007300.mp4.sealed')).toThrow('altered');
    expect(() => read(object, 0, 10, NAME, ArchiveKey.create())).toThrow('another key');
  });

  it('says nothing of the file in the clear but its length, and never seals alike twice', () => {
    const file = new Uint8Array(5_000).fill(0x41);
    const [a, b] = [Buffer.from(sealFile(file)), Buffer.from(sealFile(file))];
    expect(a.indexOf('AAAA')).toBe(-1);
    expect(a.indexOf('row says')).toBe(-1);
    expect(Buffer.compare(a.subarray(HEADER_BYTES), b.subarray(HEADER_BYTES))).not.toBe(0);
  });

  it('refuses what the file does not have, and takes any bytes for a head', () => {
    const file = randomBytes(100);
    const opened = OpenedObject.open(key, NAME, sealFile(file));
    for (const [offset, bytes] of [
      [-1, 5],
      [0, 0],
      [0, 101],
      [100, 1],
      [1.5, 2],
      [Number.MAX_SAFE_INTEGER, 5],
      [0, NaN],
    ] as const)
      expect(() => opened.range(offset, bytes)).toThrow();
    for (let i = 0; i < 5_000; i++) {
      const bytes = randomBytes(Math.floor(Math.random() * 300));
      if (i % 2 === 0 && bytes.length > 6) bytes.set([0x4b, 0x48, 0x41, 0x52, 1, 16]);
      expect(() => OpenedObject.open(key, NAME, bytes)).toThrow();
      const head = OpenedObject.headBytes(bytes);
      if (head !== null) expect(head).toBeLessThanOrEqual(HEADER_BYTES + 1024 * 1024);
    }
  });

  it('is sealed as its chunks are due, no more and no less', () => {
    const sealer = new ObjectSealer(key, NAME, CHUNK_BYTES + 1, NOTES);
    expect(() => sealer.chunk(new Uint8Array(10))).toThrow();
    expect(() => new ObjectSealer(key, NAME, 0, NOTES)).toThrow();
    expect(() => new ObjectSealer(key, NAME, 5, new Uint8Array(2 ** 20))).toThrow();
  });
});
