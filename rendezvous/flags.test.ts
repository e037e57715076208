import { describe, expect, it } from 'vitest';
import { parseRendezvousFlags } from './flags.ts';

const parse = (line: string) => parseRendezvousFlags(line.split(' ').filter((word) => word !== ''));

describe('keyhole rendezvous', () => {
  it('has defaults, and takes ports and an address', () => {
    expect(parse('')).toEqual({ port: 8485, bind: '0.0.0.0', stunPort: 3478, stunAlternates: [], turn: null, tls: null });
    expect(parse('--port 0 --bind ::1 --stun-port=1')).toMatchObject({ port: 0, bind: '::1', stunPort: 1 });
  });

  it('takes a second address for each family, and what a one-to-one NAT makes of it', () => {
    const { stunAlternates } = parse('--stun-alt-address 203.0.113.2/10.0.0.2 --stun-alt-address 2001:DB8::0:2');
    expect(stunAlternates).toEqual([
      { announced: '203.0.113.2', local: '10.0.0.2' },
      { announced: '2001:db8::2', local: '2001:db8::2' },
    ]);
  });

  it('takes a built-in relay, relays elsewhere, or both', () => {
    expect(parse('--turn').turn).toEqual({
      embedded: true,
      secretFile: null,
      urls: [],
      relayAddresses: [],
      ports: [49_152, 65_535],
      allowPrivate: false,
    });
    expect(parse('--turn --turn-secret-file s --relay-address 203.0.113.1 --relay-ports 50000-50999 --relay-allow-private').turn).toEqual({
      embedded: true,
      secretFile: 's',
      urls: [],
      relayAddresses: [{ announced: '203.0.113.1', local: '203.0.113.1' }],
      ports: [50_000, 50_999],
      allowPrivate: true,
    });
    expect(parse('--turn-secret-file s --turn-url turn:t.example --turn-url turns:[2001:db8::1]:443?transport=tcp').turn).toMatchObject({
      embedded: false,
      urls: ['turn:t.example:3478', 'turns:[2001:db8::1]:443?transport=tcp'],
    });
  });

  it('takes a certificate with its key', () => {
    expect(parse('--tls-cert c --tls-key k').tls).toEqual({ cert: 'c', key: 'k' });
  });

  it.each([
    ['--port 65536', 'port'],
    ['--port x', 'port'],
    ['--stun-port -1', 'stun-port'],
    ['--wat', 'wat'],
    ['--stun-alt-address host.example', 'IP address'],
    ['--stun-alt-address 0.0.0.0', 'IP address'],
    ['--stun-alt-address 1.2.3.4/::1', 'IP address'],
    ['--stun-alt-address 1.2.3.4/1.2.3.5/1.2.3.6', 'IP address'],
    ['--stun-alt-address 1.2.3.4 --stun-alt-address 1.2.3.5', 'once for IPv4'],
    ['--relay-address 1.2.3.4', 'give --turn'],
    ['--relay-ports 50000-50010', 'give --turn'],
    ['--relay-allow-private', 'give --turn'],
    ['--turn --relay-ports 50010-50000', '--relay-ports'],
    ['--turn --relay-ports 80-90', '--relay-ports'],
    ['--turn --relay-ports 50000', '--relay-ports'],
    ['--turn-url turn:t', '--turn-secret-file'],
    ['--turn-secret-file s', '--turn-url'],
    ['--turn-secret-file s --turn-url turn::3478', 'turn:HOST:PORT'],
    ['--turn-secret-file s --turn-url stun:t:3478', 'turn:HOST:PORT'],
    ['--turn-secret-file s --turn-url turn:user@t:3478', 'turn:HOST:PORT'],
    ['--tls-cert c', 'go together'],
    ['--tls-key k', 'go together'],
  ])('refuses %s with a line that says why', (flags, text) => {
    expect(() => parse(flags)).toThrowError(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(text) as string }) as Error,
    );
  });
});
