import type { StunOverTurnProtocol } from 'werift';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { CodedError } from '../../electron/base/errors.ts';
import { chooseRelay } from './relay-choice.ts';
import { parseTurnUrl, type TurnServer } from './turn-client.ts';

const server = (url: string): TurnServer => ({ url, username: 'u', credential: 'c' });
const UDP = server('turn:a:3478?transport=udp');
const TCP = server('turn:a:3478?transport=tcp');
const TLS = server('turns:a:443?transport=tcp');

/** A far end that answers each server after some time, or fails. */
function relays(plan: Readonly<Record<string, { ms: number; error?: CodedError }>>) {
  const clock = new SimulatedClock();
  const begun: string[] = [];
  const closed: string[] = [];
  const allocate = ({ url }: TurnServer) => {
    begun.push(url);
    const { ms, error } = plan[url] ?? { ms: Infinity };
    return new Promise<StunOverTurnProtocol>((resolve, reject) => {
      if (ms === Infinity) return;
      const relay = { url, close: async () => void closed.push(url) } as unknown as StunOverTurnProtocol;
      clock.setTimeout(() => (error ? reject(error) : resolve(relay)), ms);
    });
  };
  const choose = (servers: readonly TurnServer[]) =>
    chooseRelay(servers, clock, allocate).then(
      (relay) => Reflect.get(relay, 'url') as string,
      (error: CodedError) => error.code,
    );
  return { clock, begun, closed, choose };
}

describe('choosing a relay', () => {
  it('takes UDP when it answers, without asking the others', async () => {
    const { clock, begun, choose } = relays({ [UDP.url]: { ms: 100 }, [TCP.url]: { ms: 10 } });
    const chosen = choose([TLS, TCP, UDP]);
    await clock.advance(1_000);
    expect(await chosen).toBe(UDP.url);
    expect(begun).toEqual([UDP.url]);
  });

  it('takes TCP or TLS where UDP is silent, and gives back what comes too late', async () => {
    const { clock, closed, choose } = relays({ [UDP.url]: { ms: 2_000 }, [TCP.url]: { ms: 100 }, [TLS.url]: { ms: 100 } });
    const chosen = choose([UDP, TLS, TCP]);
    await clock.advance(4_000);
    expect(await chosen).toBe(TCP.url);

    expect(closed).toContain(UDP.url);
  });

  it('goes on at once when a way fails at once', async () => {
    const refused = new CodedError('relay-unreachable', 'no');
    const { clock, begun, choose } = relays({ [UDP.url]: { ms: 1, error: refused }, [TCP.url]: { ms: 5 } });
    const chosen = choose([UDP, TCP]);
    await clock.advance(50);
    expect(await chosen).toBe(TCP.url);
    expect(begun).toEqual([UDP.url, TCP.url]);
  });

  it('says that the credentials are wrong rather than that nobody answers', async () => {
    const { clock, choose } = relays({
      [UDP.url]: { ms: 50, error: new CodedError('relay-refused', 'wrong') },
      [TCP.url]: { ms: 50, error: new CodedError('relay-unreachable', 'silent') },
    });
    const chosen = choose([UDP, TCP]);
    await clock.advance(2_000);
    expect(await chosen).toBe('relay-refused');
  });

  it('ends by itself when all are silent, and without any server', async () => {
    const { clock, choose } = relays({});
    const silent = choose([UDP, TCP, TLS]);
    await clock.advance(6_000);
    expect(await silent).toBe('relay-unreachable');
    expect(await choose([])).toBe('relay-unreachable');
    expect(await choose([server('http://a'), server('turn:')])).toBe('relay-unreachable');
  });
});

describe('TURN URLs (RFC 7065)', () => {
  it('are read with their defaults', () => {
    expect(parseTurnUrl('turn:example.org')).toEqual({ host: 'example.org', port: 3478, transport: 'udp' });
    expect(parseTurnUrl('turn:example.org:443?transport=tcp')).toEqual({ host: 'example.org', port: 443, transport: 'tcp' });
    expect(parseTurnUrl('turns:[2001:db8::1]:443?transport=tcp')).toEqual({ host: '2001:db8::1', port: 443, transport: 'tls' });
    expect(parseTurnUrl('turns:example.org')).toEqual({ host: 'example.org', port: 5349, transport: 'tls' });
  });

  it('are refused when they make no sense', () => {
    for (const url of [
      '',
      'turn:',
      'turn:a:0',
      'turn:a:99999',
      'turns:a?transport=udp',
      'stun:a',
      'turn:a b',
      'turn:a/b',
      'turn:a?transport=sctp',
    ])
      expect(parseTurnUrl(url)).toBeNull();
  });
});
