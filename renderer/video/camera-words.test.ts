import { describe, expect, it } from 'vitest';
import type { CameraPath } from '../../electron/contract/model.ts';
import { fakeCamera } from '../state/fake-camera.ts';
import { isLan, pathLabel, pathSentence, subStreamSentence } from './camera-words.ts';
import { hostOf } from './private-address.ts';

const path = (kind: CameraPath['kind'], local: string, remote: string): CameraPath => ({ kind, local, remote, rttMs: 12.4, lossPct: 0 });

describe('the words for a way', () => {
  it.each([
    [path('host', '10.0.0.2:5000', '10.0.0.3:6000'), true],
    [path('prflx', '192.168.1.2:5000', '172.20.0.3:6000'), true],
    [path('host', '[fd00::1]:5000', '[fe80::2]:6000'), true],
    [path('host', '::1:5000', '::1:6000'), true],
    [path('host', '[2001:db8::1]:5000', '[2001:db8::2]:6000'), false],
    [path('srflx', '127.0.0.1:5000', '127.0.0.1:6000'), true],
    [path('host', '203.0.113.2:5000', '203.0.113.2:6000'), true],
    [path('prflx', '203.0.113.2:5000', '127.0.0.1:6000'), true],
    [path('relay', '127.0.0.1:5000', '127.0.0.1:6000'), false],
    [path('srflx', '10.0.0.2:5000', '10.0.0.3:6000'), false],
    [path('host', '10.0.0.2:5000', '172.32.0.3:6000'), false],
    [path('host', '10.0.0.2:5000', '100.64.0.3:6000'), false],
  ])('%o is in the same network: %s', (way, lan) => {
    expect(isLan(way)).toBe(lan);
    expect(/same network|this computer/.test(pathSentence(way))).toBe(lan);
  });

  it('are short on a tile', () => {
    expect(pathLabel(path('relay', '10.0.0.2:1', '198.51.100.7:2'))).toBe('Relayed · 12 ms');
    expect(pathLabel({ ...path('srflx', '', ''), rttMs: null })).toBe('Direct');
  });

  it('take an address out of a place of any kind', () => {
    expect(['1.2.3.4:5', '[2001:db8::1]:5', '2001:db8::1:5', '1.2.3.4'].map(hostOf)).toEqual([
      '1.2.3.4',
      '2001:db8::1',
      '2001:db8::1',
      '1.2.3.4',
    ]);
  });
});

it('a camera that sends its smaller picture says why', () => {
  expect(subStreamSentence(fakeCamera())).toBeNull();
  expect(subStreamSentence(fakeCamera({ quality: { stream: 'main', reason: null, estimateKbps: 900 } }))).toBeNull();
  const sub = { stream: 'sub', reason: null, estimateKbps: 300 } as const;
  expect(subStreamSentence(fakeCamera({ quality: sub }))).toMatch(/smaller picture/);
  expect(subStreamSentence(fakeCamera({ quality: { ...sub, reason: 'The uplink carries 300 kbit/s.' } }))).toBe(
    'The uplink carries 300 kbit/s.',
  );
});
