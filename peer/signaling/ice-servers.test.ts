import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { iceOffer, resolveIceServers, resolveIceUrl } from './ice-servers.ts';
import { parseJson, serverMessage } from './rendezvous-messages.ts';

describe('a STUN or TURN URL of a rendezvous', () => {
  it.each([
    ['stun::3478', 'ws://r.example:8485/x', 'stun:r.example:3478'],
    ['stun::3478', 'ws://[2001:db8::1]:8485', 'stun:[2001:db8::1]:3478'],
    ['turn::3478?transport=udp', 'wss://R.example', 'turn:r.example:3478?transport=udp'],
    ['turn:?transport=tcp', 'ws://r.example:8485', 'turn:r.example:8485?transport=tcp'],
    ['turn:?transport=tcp', 'ws://r.example', 'turn:r.example:80?transport=tcp'],
    ['turn:?transport=tcp', 'wss://r.example', 'turns:r.example:443?transport=tcp'],
    ['turns:?transport=tcp', 'wss://[::1]:8443', 'turns:[::1]:8443?transport=tcp'],
    ['turn:t.example', 'ws://r', 'turn:t.example:3478'],
    ['turns:t.example', 'ws://r', 'turns:t.example:5349'],
    ['turns:t.example:443?transport=tcp', 'ws://r', 'turns:t.example:443?transport=tcp'],
    ['turn:[2001:DB8::2]:1', 'ws://r', 'turn:[2001:db8::2]:1'],
  ])('%s from %s means %s', (url, from, meaning) => expect(resolveIceUrl(url, from)).toBe(meaning));

  it.each([
    '',
    'stun',
    'stun:',
    'turn:',
    'turn:?transport=udp',
    'stun:?transport=tcp',
    'stun:h:3478?transport=udp',
    'turn:h:0',
    'turn:h:65536',
    'turn:u@h',
    'turn:u:p@h:1',
    'turn:h:1?transport=sctp',
    'http://h',
    'turn:h/x',
    'turn://h',
    'turn:h h',
    'turn:::1',
    'turn:[::1',
  ])('%j means nothing', (url) => expect(resolveIceUrl(url, 'ws://r.example')).toBeNull());
});

describe('an offer of ICE servers', () => {
  const server = { username: 'u', credential: 'c', ttlS: 60 };

  it('is used as far as it makes sense, and of many servers some', () => {
    const urls = Array.from({ length: 8 }, (_, index) => `turn:h${index}`);
    const offer = {
      stun: ['stun:a', 'turn:b', 'x'],
      stunAlternate: 'y',
      turn: [
        { ...server, urls: ['stun:a', 'z'] },
        { ...server, urls },
      ],
    };
    const { stun, turn, stunAlternate } = resolveIceServers({ ...offer, turn: [...offer.turn, { ...server, urls }] }, 'ws://r');
    expect([stun, stunAlternate, turn.length]).toEqual([['stun:a:3478'], null, 8]);
  });

  it('that makes no sense costs nobody the registration', () => {
    const registered = (ice: unknown) => parseJson(serverMessage, JSON.stringify({ type: 'registered', address: 'a'.repeat(32), ice }));
    expect(registered(undefined)).toMatchObject({ type: 'registered' });
    for (const ice of [1, {}, { stun: 'x', turn: [] }, { stun: [], turn: [{}] }, { stun: Array(9).fill('stun:a'), turn: [] }]) {
      expect(registered(ice)).toMatchObject({ type: 'registered' });
      expect(registered(ice)).not.toHaveProperty('ice.stun');
    }
  });

  it('is read through a hundred thousand pieces of noise', () => {
    const random = seededRandom(11);
    const pick = (from: string) => from[Math.floor(random() * from.length)] ?? '';
    const noise = (length: number) =>
      Array.from({ length: Math.floor(random() * length) }, () => pick('stunrs:[]:/?=&transportcdp0123456789.abf-@ ')).join('');
    const starts = ['stun:', 'turn:', 'turns:', 'turn:?transport=tcp', 'stun::', 'turn:[', ''];
    for (let round = 0; round < 100_000; round += 1) {
      const url = `${starts[round % starts.length]}${noise(24)}`;
      const found = resolveIceUrl(url, 'wss://r.example:8443');
      if (found !== null) expect(found).toMatch(/^(stuns?|turns?):(\[[0-9a-f:.]+\]|[a-z0-9.-]+):\d{1,5}(\?transport=(udp|tcp))?$/);
    }
    for (let round = 0; round < 2000; round += 1) {
      const text = JSON.stringify({ stun: [noise(40)], stunAlternate: noise(40), turn: [{ ...server, urls: [noise(40)] }] });
      const at = Math.floor(random() * text.length);
      const offer = parseJson(iceOffer, text.slice(0, at) + pick('{}[]",:0a') + text.slice(at + 1));
      if (offer) resolveIceServers(offer, 'ws://r');
    }
  });
});
