import { utcMs, type NatReport, type PathReport } from '../../electron/contract/model.ts';

/** For tests: a camera that was direct for a day. */
export function fakePath(changes: Partial<PathReport> = {}): PathReport {
  const to = Date.now();
  return {
    path: { kind: 'host', local: '10.0.0.2:5000', remote: '10.0.0.3:6000', rttMs: 3, lossPct: 0 },
    history: [{ from: utcMs(to - 86_400_000), to: utcMs(to), kind: 'host', reason: null }],
    pairs: [],
    attempts: [],
    mine: null,
    theirs: null,
    kbps: 1200,
    relayedBytesMonth: 0,
    relay: { kind: 'allow' },
    why: 'Direct: the same network.',
    advice: [],
    ...changes,
  };
}

/** For tests: an ordinary router at home. */
export function fakeNatReport(changes: Partial<NatReport> = {}): NatReport {
  return {
    at: utcMs(1_800_000_000_000),
    mapping: 'endpoint-independent',
    filtering: 'address-and-port-dependent',
    classical: 'port-restricted-cone',
    publicAddress: '203.0.113.5',
    allocation: 'preserved',
    allocationStep: null,
    portMapping: null,
    ipv6: false,
    cgnat: false,
    observations: [{ local: '192.168.1.2:5000', server: '203.0.113.200:3478', mapped: '203.0.113.5:5000' }],
    hairpin: null,
    mappingLifetimeS: 120,
    portMappings: [{ protocol: 'upnp', answers: false, external: null, error: null }],
    udpBlocked: false,
    notes: [],
    ...changes,
  };
}
