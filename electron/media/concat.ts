/** The parts one after another in one new array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** The two parts one after the other: a view when they lie so in one buffer, as the boxes of one chunk do, else a copy. */
export function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const together = first.buffer === second.buffer && first.byteOffset + first.length === second.byteOffset;
  return together ? new Uint8Array(first.buffer, first.byteOffset, first.length + second.length) : concat([first, second]);
}
