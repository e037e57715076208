import { expect, it } from 'vitest';
import { SimulatedClock } from '../electron/base/clock.ts';
import { networkOf, SourceLimiter } from './source-limiter.ts';

it('gives each address its share, and an IPv6 network one share', async () => {
  const clock = new SimulatedClock();
  const limiter = new SourceLimiter(clock, 2, 3);
  const taken = (address: string) => Array.from({ length: 10 }, () => limiter.take(address)).filter(Boolean).length;
  expect([taken('198.51.100.1'), taken('2001:db8::1'), taken('2001:db8::ffff')]).toEqual([3, 3, 0]);
  await clock.advance(1000);
  expect([taken('198.51.100.1'), taken('2001:db8::2')]).toEqual([2, 2]);
  await clock.advance(100_000);
  expect(taken('198.51.100.1')).toBe(3);
});

it('takes the same memory for any number of addresses, of which few share a place', () => {
  const limiter = new SourceLimiter(new SimulatedClock(), 1, 1);
  let refused = 0;
  for (let count = 0; count < 400; count += 1) refused += limiter.take(`198.51.${count >> 8}.${count & 255}`) ? 0 : 1;
  expect(refused).toBeLessThan(80);
});

it('takes an IPv4 address in IPv6 clothes for what it is', () => {
  expect(networkOf('::ffff:198.51.100.1')).toEqual(networkOf('198.51.100.1'));
  expect(networkOf('nonsense')).toEqual(Buffer.alloc(0));
});
