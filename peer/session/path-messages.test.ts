import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { appMessage, cameraMessage } from '../pairing/channel-messages.ts';
import { parseJson } from '../signaling/rendezvous-messages.ts';
import { cameraControl, viewerControl } from './control-messages.ts';
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

  it('and all other messages of apps and cameras may be any text: 100,000 altered ones', () => {
    const texts = [
      { type: 'offer', sdp: 'v=0', relay: false, reliableHandshake: true },
      { type: 'path', session: 'A'.repeat(22), offer },
      { type: 'answer', sdp: 'v=0' },
      { type: 'path', answer },
      { type: 'path-offer', offer },
      { type: 'path-answer', answer },
      { type: 'path-refused', id: 1, code: 'too-busy', text: 'no' },
      { type: 'path-kind', path: 'relay' },
    ].map((message) => JSON.stringify(message));
    const random = seededRandom(9);
    const schemas = [appMessage, cameraMessage, cameraControl, viewerControl];
    let read = 0;
    for (let input = 0; input < 100_000; input += 1) {
      const text = texts[Math.floor(random() * texts.length)] ?? '';
      const at = Math.floor(random() * text.length);
      const altered = text.slice(0, at) + String.fromCharCode(Math.floor(random() * 128)) + text.slice(at + (random() < 0.5 ? 1 : 0));
      const schema = schemas[input % schemas.length];
      if (schema && parseJson<unknown>(schema, altered) !== null) read += 1;
    }
    expect(read).toBeGreaterThan(100);
  }, 60_000);
});
