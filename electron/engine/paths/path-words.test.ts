import { describe, expect, it } from 'vitest';
import type { CameraPath, NatSummary } from '../../contract/model.ts';
import { pathWords as wordsOf } from './path-words.ts';

const nat = (changes: Partial<NatSummary>): NatSummary => ({
  mapping: 'endpoint-independent',
  filtering: 'address-and-port-dependent',
  classical: 'port-restricted-cone',
  publicAddress: '203.0.113.5',
  allocation: 'preserved',
  allocationStep: null,
  portMapping: null,
  ipv6: false,
  cgnat: false,
  ...changes,
});
const symmetric = nat({ mapping: 'address-and-port-dependent', classical: 'symmetric', allocation: 'random' });
const path = (kind: CameraPath['kind']): CameraPath => ({ kind, local: '10.0.0.2:1', remote: '198.51.100.3:2', rttMs: 3, lossPct: 0 });
const pathWords = (facts: Omit<Parameters<typeof wordsOf>[0], 'punching'>, punching = true) => wordsOf({ ...facts, punching });
const GONE = { code: 'peer-absent', text: 'The camera is not there.' } as const;

describe('why a camera is reached as it is', () => {
  it('says what both networks do, and what would help, where nothing but a relay can be expected', () => {
    const { why, advice } = pathWords({ path: path('relay'), reason: null, mine: symmetric, theirs: symmetric });
    expect(why).toMatch(/^Relayed: .*symmetric/);
    expect(advice.join()).toMatch(/UPnP/);
  });

  it('says that better is expected while a relay is in use for now', () => {
    const { why } = pathWords({ path: path('relay'), reason: null, mine: symmetric, theirs: nat({}) });
    expect(why).toMatch(/^Relayed for now, while a direct way is looked for\. It should become direct/);
  });

  it('promises no attempts that are switched off, and says where to switch them on', () => {
    const { why, advice } = pathWords({ path: path('relay'), reason: null, mine: symmetric, theirs: nat({}) }, false);
    expect(why).toMatch(/switched off/);
    expect(advice[0]).toMatch(/Network page/);
  });

  it('does not guess where one side is not known', () => {
    expect(pathWords({ path: path('relay'), reason: null, mine: symmetric, theirs: null }).why).toMatch(/not known on both sides/);
  });

  it.each(['host', 'srflx', 'prflx', 'rtsp'] as const)('has nothing to advise on a way that is direct: %s', (kind) => {
    const { why, advice } = pathWords({ path: path(kind), reason: null, mine: symmetric, theirs: symmetric });
    expect(why).not.toMatch(/[Rr]elayed/);
    expect(advice).toEqual([]);
  });

  it('says why there is none, with advice only where that is the networks’ fault', () => {
    expect(pathWords({ path: null, reason: GONE, mine: nat({}), theirs: nat({}) })).toEqual({ why: GONE.text, advice: [] });
    expect(pathWords({ path: null, reason: GONE, mine: symmetric, theirs: symmetric }).advice).not.toEqual([]);
    expect(pathWords({ path: null, reason: null, mine: null, theirs: null }).why).toMatch(/Connecting/);
  });
});
