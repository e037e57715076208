/** Thrown inside a parser when the bits run out; every parser that uses a BitReader catches it and returns null. */
export class BitsExhausted extends RangeError {}

/** Reads bits, most significant first, and the Exp-Golomb codes of H.264 §9.1 / H.265 §9.2. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #bit = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get bitsLeft(): number {
    return this.#bytes.length * 8 - this.#bit;
  }

  bit(): number {
    const byte = this.#bytes[this.#bit >> 3];
    if (byte === undefined) throw new BitsExhausted('no bits left');
    return (byte >> (7 - (this.#bit++ & 7))) & 1;
  }

  /** Unsigned, 0 to 32 bits. */
  bits(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index += 1) value = value * 2 + this.bit();
    return value;
  }

  skip(count: number): void {
    if (count > this.bitsLeft) throw new BitsExhausted('no bits left');
    this.#bit += count;
  }

  /** ue(v), at most 2^32 - 2. */
  ue(): number {
    let zeros = 0;
    while (this.bit() === 0) {
      zeros += 1;
      if (zeros > 31) throw new BitsExhausted('Exp-Golomb code too long');
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v). */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : -(code / 2);
  }
}

/** The payload without emulation prevention bytes (H.264 §7.4.1.1); looks at no more than `limit` bytes. */
export function unescapeRbsp(nal: Uint8Array, limit = 1024): Uint8Array {
  const end = Math.min(nal.length, limit);
  const out = new Uint8Array(end);
  let length = 0;
  let zeros = 0;
  for (let index = 0; index < end; index += 1) {
    const byte = nal[index] ?? 0;
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    out[length++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return out.subarray(0, length);
}
