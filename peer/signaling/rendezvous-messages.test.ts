import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { clientMessage, parseJson, registrationTranscript, serverMessage } from './rendezvous-messages.ts';

const address = 'a2'.repeat(16);
const FROM_CLIENTS = [
  { type: 'register', key: 'A'.repeat(43), signature: 'B'.repeat(86) },
  { type: 'send', to: address, data: 'AAAA' },
  { type: 'credentials' },
];
const ice = { stun: ['stun::1'], stunAlternate: null, turn: [{ urls: ['turn::1'], username: 'u', credential: 'c', ttlS: 60 }] };
const FROM_SERVERS = [
  { type: 'challenge', version: 1, nonce: 'A'.repeat(43), stunPort: 3478 },
  { type: 'registered', address },
  { type: 'registered', address, ice },
  { type: 'credentials', ice },
  { type: 'message', from: address, data: 'AAAA' },
  { type: 'unreachable', to: address },
  { type: 'error', code: 'limit', text: 'too many' },
];

describe('messages between peers and a rendezvous', () => {
  it('are read as they were written', () => {
    for (const message of FROM_CLIENTS) expect(parseJson(clientMessage, JSON.stringify(message))).toEqual(message);
    for (const message of FROM_SERVERS) expect(parseJson(serverMessage, JSON.stringify(message))).toEqual(message);
  });

  it('of a newer server may say more, of a client not', () => {
    expect(parseJson(serverMessage, JSON.stringify({ ...FROM_SERVERS[0], more: 1 }))).toEqual(FROM_SERVERS[0]);
    expect(parseJson(clientMessage, JSON.stringify({ ...FROM_CLIENTS[2], more: 1 }))).toBeNull();
  });

  it('are bound to the server that they register at', () => {
    const nonce = Buffer.alloc(32, 1);
    expect(registrationTranscript(nonce, 'A.example:1')).toEqual(registrationTranscript(nonce, 'a.example:1'));
    expect(registrationTranscript(nonce, 'a.example:1')).not.toEqual(registrationTranscript(nonce, 'a.example:2'));
  });

  it.each([
    ['clients', clientMessage, FROM_CLIENTS],
    ['servers', serverMessage, FROM_SERVERS],
  ] as const)('of %s are read through a hundred thousand altered ones', (_, schema, messages) => {
    const random = seededRandom(43);
    const pieces = [
      '"',
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      'null',
      'true',
      '-1e999',
      '9999999999999999999',
      '"__proto__"',
      '\\u0000',
      '\ud800',
      'type',
      'x'.repeat(300),
    ];
    const texts = messages.map((message) => JSON.stringify(message));
    let read = 0;
    for (let round = 0; round < 100_000; round += 1) {
      let text = texts[round % texts.length] ?? '';
      for (let change = 0; change <= random() * 2; change += 1) {
        const at = Math.floor(random() * text.length);
        const piece = pieces[Math.floor(random() * pieces.length)] ?? '';
        text = text.slice(0, at) + piece + text.slice(at + Math.floor(random() * 4));
      }
      if (parseJson<unknown>(schema, text) !== null) read += 1;
    }
    expect(read).toBeLessThan(100_000);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});
