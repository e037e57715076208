import { describe, expect, it } from 'vitest';
import { pathAnswer, pathOffer } from './path-messages.ts';

const ice = { ufrag: 'abcd', pwd: 'abcdefghijklmnopqrstuv', candidates: ['1 1 udp 1 203.0.113.7 5000 typ host'] };
const target = { address: '203.0.113.7', port: 5000, predicted: [5001] };
const offer = { id: 1, relay: true, ice, punch: { side: 'hard', key: Buffer.alloc(32).toString('base64'), target } };
const answer = { id: 1, ice, punch: target };

describe('offers and answers of a path', () => {
  it('are read as they are written', () => {
    expect(pathOffer.parse(offer)).toEqual(offer);
    expect(pathAnswer.parse(answer)).toEqual(answer);
  });

  it('are refused when they name what nobody would', () => {
    const bad = [
      { ...offer, id: 0 },
      { ...offer, ice: { ...ice, candidates: Array.from({ length: 65 }, () => 'x') } },
      { ...offer, ice: { ...ice, candidates: ['x'.repeat(221)] } },
      { ...offer, ice: { ...ice, ufrag: 'a b c' } },
      { ...offer, punch: { ...offer.punch, key: 'short' } },
      { ...offer, punch: { ...offer.punch, target: { ...target, address: 'example.org' } } },
      { ...offer, punch: { ...offer.punch, target: { ...target, port: 0 } } },
      { ...offer, punch: { ...offer.punch, target: { ...target, predicted: Array.from({ length: 65 }, () => 1) } } },
    ];
    for (const one of bad) expect(pathOffer.safeParse(one).success, JSON.stringify(one)).toBe(false);
  });
});
