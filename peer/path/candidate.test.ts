import { describe, expect, it } from 'vitest';
import { parseCandidate } from './candidate.ts';

const LINE = 'candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.5 rport 46154 generation 0';

describe('a candidate line', () => {
  it('is read with and without what stands before it', () => {
    for (const line of [LINE, `a=${LINE}`, LINE.replace('candidate:', '')])
      expect(parseCandidate(line)).toMatchObject({ host: '203.0.113.7', port: 46154, type: 'srflx', priority: 1677729535 });
    expect(parseCandidate('candidate:1 1 UDP 2130706431 2001:db8::7 5000 typ host')).toMatchObject({ host: '2001:db8::7', type: 'host' });
  });

  it('is refused where nobody, or everybody, would be asked', () => {
    const at = (host: string, port = 5000) => parseCandidate(`candidate:1 1 udp 1 ${host} ${port} typ host`);
    for (const host of [
      '0.0.0.0',
      '0.1.2.3',
      '224.0.0.1',
      '239.1.2.3',
      '255.255.255.255',
      '::',
      'ff02::1',
      'host.local',
      '999.1.1.1',
      '1.2.3',
    ])
      expect(at(host), host).toBeNull();
    expect(at('203.0.113.7', 0)).toBeNull();
    expect(at('203.0.113.7', 65536)).toBeNull();
    expect(parseCandidate('candidate:1 1 tcp 1 203.0.113.7 9 typ host tcptype active')).toBeNull();
    expect(parseCandidate('candidate:1 2 udp 1 203.0.113.7 9 typ host')).toBeNull();
    expect(parseCandidate('candidate:1 1 udp 1 203.0.113.7 9 typ somewhere')).toBeNull();
  });
});
