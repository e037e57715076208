/** RFC 6381 string of an HEVCDecoderConfigurationRecord (ISO 14496-15 §8.3.3.1, annex E.3): `hvc1.1.6.L93.B0`. Null when cut off. */
export function hvc1String(hvcC: Uint8Array): string | null {
  if (hvcC.length < 23 || hvcC[0] !== 1) return null;
  const byte = (index: number) => hvcC[index] ?? 0;
  const space = ['', 'A', 'B', 'C'][byte(1) >> 6] ?? '';
  const tier = byte(1) & 0x20 ? 'H' : 'L';
  let compatibility = 0;
  // The flags are written with the first one as the lowest bit.
  for (let bit = 0; bit < 32; bit += 1) if (byte(2 + (bit >> 3)) & (0x80 >> (bit & 7))) compatibility += 2 ** bit;
  const constraints = [...hvcC.subarray(6, 12)];
  while (constraints.length > 0 && constraints.at(-1) === 0) constraints.pop();
  const parts = [`hvc1.${space}${byte(1) & 31}`, compatibility.toString(16).toUpperCase(), `${tier}${byte(12)}`];
  return [...parts, ...constraints.map((value) => value.toString(16).toUpperCase())].join('.');
}
