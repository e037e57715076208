import { describe, expect, it } from 'vitest';
import { parseCameraFlags } from './flags.ts';

const usage = (run: () => unknown, text: string) =>
  expect(run).toThrowError(expect.objectContaining({ code: 'usage', message: expect.stringContaining(text) as string }) as Error);
const parse = (line: string) => parseCameraFlags(line.split(' ').filter((word) => word !== ''));
const least = '--source test: --rendezvous ws://127.0.0.1:8485';

describe('keyhole camera', () => {
  it('needs a source, the rest has its defaults', () => {
    expect(parse(least)).toEqual({
      source: 'test:',
      subSource: null,
      name: 'Camera',
      rendezvous: ['ws://127.0.0.1:8485'],
      lan: true,
      byHand: false,
      stun: [],
      turn: [],
      icePolicy: 'all',
      spool: null,
      state: null,
    });
    usage(() => parse('--rendezvous ws://a'), '--source is missing');
    expect(parse('--source test:')).toMatchObject({ rendezvous: [], lan: true });
    expect(parse('--source test: --no-lan --by-hand')).toMatchObject({ lan: false, byHand: true });
    expect(parse(`${least} --sub-source transcode:`)).toMatchObject({ source: 'test:', subSource: 'transcode:' });
  });

  it('takes several rendezvous, STUN and TURN', () => {
    expect(
      parse(
        `${least} --rendezvous wss://b/x --stun stun:s:1 --turn turn:me:pass%40word@t:3478?transport=tcp --ice-policy relay --state /s --name Yard`,
      ),
    ).toMatchObject({
      rendezvous: ['ws://127.0.0.1:8485', 'wss://b/x'],
      stun: ['stun:s:1'],
      turn: [{ url: 'turn:t:3478?transport=tcp', username: 'me', credential: 'pass@word' }],
      icePolicy: 'relay',
      state: '/s',
      name: 'Yard',
    });
  });

  it.each([
    ['--wat', 'wat'],
    ['extra', 'extra'],
    ['--rendezvous http://a', 'ws://'],
    ['--rendezvous ws://a --rendezvous ws://a --rendezvous ws://a --rendezvous ws://a', 'at most 4'],
    ['--stun s', 'stun:HOST:PORT'],
    ['--turn turn:t', 'turn:USER:PASSWORD@HOST:PORT'],
    ['--turn turn:me:50%off@t', 'percent-encoded'],
    ['--ice-policy none', 'all or relay'],
    ['--spool=', '--spool takes a folder'],
    ['--spool-bytes 3G', 'it is missing'],
    ['--spool /x --spool-bytes 3', '64M or more'],
    ['--spool /x --spool-bytes 3M', '64M or more'],
    ['--spool /x --spool-bytes 3Q', '64M or more'],
    ['--spool /x --spool-age 10m', 'hours or days'],
    ['--spool /x --spool-age 0h', 'hours or days'],
  ])('refuses %s with a line that says why', (flags, text) => usage(() => parse(`${least} ${flags}`), text));

  it('keeps a spool of a bounded size and age', () => {
    expect(parse(`${least} --spool /x`).spool).toEqual({ folder: '/x', limits: { bytes: 20 * 1024 ** 3, ageMs: 7 * 86_400_000 } });
    expect(parse(`${least} --spool /x --spool-bytes 1.5T --spool-age 36h`).spool?.limits).toEqual({
      bytes: 1.5 * 1024 ** 4,
      ageMs: 36 * 3_600_000,
    });
  });

  it('wants a relay where nothing else may be used: one of its own, or a rendezvous that may have one', () => {
    usage(() => parse('--source test: --ice-policy relay'), '--turn');
    expect(parse(`${least} --ice-policy relay`).icePolicy).toBe('relay');
  });
});
