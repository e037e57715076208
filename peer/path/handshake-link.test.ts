import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { HandshakeLink } from './handshake-link.ts';

/** Two ends over a wire that loses, doubles and reorders. */
function pair(loss: number, seed = 1) {
  const clock = new SimulatedClock();
  const random = seededRandom(seed);
  const got: { a: string[]; b: string[] } = { a: [], b: [] };
  const carry = (to: () => HandshakeLink) => (frame: Buffer) => {
    for (const copies of random() < 0.2 ? [1, 2] : [1]) {
      if (random() >= loss) clock.setTimeout(() => to().receive(Buffer.from(frame)), 20 + random() * 30 * copies);
    }
  };
  const a: HandshakeLink = new HandshakeLink({ clock, write: carry(() => b), deliver: (data) => got.a.push(data.toString()) });
  const b: HandshakeLink = new HandshakeLink({ clock, write: carry(() => a), deliver: (data) => got.b.push(data.toString()) });
  return { clock, a, b, got };
}

const words = Array.from({ length: 12 }, (_, index) => `record ${index}`);

describe('handshake link', () => {
  it('brings every datagram once and in order, whatever the wire loses, doubles and reorders', async () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const { clock, a, b, got } = pair(0.3, seed);
      for (const word of words) {
        a.send(Buffer.from(word));
        b.send(Buffer.from(word.toUpperCase()));
      }
      await clock.advance(10_000);
      expect(got.b).toEqual(words);
      expect(got.a).toEqual(words.map((word) => word.toUpperCase()));
    }
  });

  it('gives up on who never answers, and keeps a bounded number of datagrams', async () => {
    const { clock, a } = pair(1);
    for (let sent = 0; sent < 200; sent += 1) a.send(Buffer.from('hello'));
    expect(a.dropped).toBe(200 - 64);
    await clock.advance(20_000);
    a.send(Buffer.from('again'));
    expect(a.dropped).toBe(200 - 64);
  });

  it('takes no harm from frames that make no sense', async () => {
    const { clock, a, b, got } = pair(0);
    const random = seededRandom(7);
    for (let input = 0; input < 100_000; input += 1) {
      const frame = Buffer.from(Array.from({ length: Math.floor(random() * 12) }, () => Math.floor(random() * 256)));
      if (frame.length > 1 && random() < 0.5) frame[0] = 0xc8;
      // Beyond what may wait: numbers far ahead.
      if (frame.length >= 4) frame.writeUInt16BE(0x1000 + (frame.readUInt16BE(2) & 0x0fff), 2);
      b.receive(frame);
    }
    a.send(Buffer.from('still here'));
    await clock.advance(1_000);
    expect(got.b).toEqual(['still here']);
  });
});
