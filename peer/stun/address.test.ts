import { SocketAddress } from 'node:net';
import { expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { hostText, ipBytes, ipText, mappedAddress, readMappedAddress, readXorMappedAddress, xorMappedAddress } from './address.ts';

it.each([
  ['192.0.2.1', 4],
  ['2001:db8::1', 16],
  ['::', 16],
  ['::1', 16],
  ['2001:0:0:1::', 16],
  ['1:0:0:2:0:0:0:3', 16],
  ['1::2:0:0:3:4:5', 16],
])('writes %s as the system does', (text, bytes) => {
  const raw = ipBytes(text);
  expect(raw?.length).toBe(bytes);
  expect(ipText(raw ?? Buffer.alloc(0))).toBe(new SocketAddress({ address: text, family: bytes === 4 ? 'ipv4' : 'ipv6' }).address);
});

it('reads back any address and port that it writes', () => {
  const random = seededRandom(31);
  for (let round = 0; round < 20_000; round += 1) {
    const raw = Buffer.alloc(random() < 0.5 ? 4 : 16);
    for (let at = 0; at < raw.length; at += 1) raw[at] = random() < 0.5 ? 0 : Math.floor(random() * 256);
    // An IPv4 address in IPv6 clothes comes back as IPv4.
    if (raw.length === 16) raw[0] = 0x20;
    const endpoint = { address: ipText(raw), port: Math.floor(random() * 65_536) };
    const id = Buffer.alloc(12, round);
    expect(readMappedAddress(mappedAddress(endpoint.address, endpoint.port) ?? Buffer.alloc(0))).toEqual(endpoint);
    expect(readXorMappedAddress(xorMappedAddress(endpoint.address, endpoint.port, id) ?? Buffer.alloc(0), id)).toEqual(endpoint);
  }
});

it('makes nothing of a hundred thousand pieces of noise, or an address', () => {
  const random = seededRandom(37);
  const id = Buffer.alloc(12, 1);
  for (let round = 0; round < 100_000; round += 1) {
    const value = Buffer.alloc(Math.floor(random() * 24));
    for (let at = 0; at < value.length; at += 1) value[at] = random() < 0.3 ? Math.floor(random() * 3) : Math.floor(random() * 256);
    for (const found of [readMappedAddress(value), readXorMappedAddress(value, id)]) {
      if (found) expect(ipBytes(found.address)).not.toBeNull();
    }
    ipBytes(value.toString('latin1'));
  }
});

it('puts IPv6 into brackets for a URL', () => expect([hostText('::1'), hostText('192.0.2.1')]).toEqual(['[::1]', '192.0.2.1']));
