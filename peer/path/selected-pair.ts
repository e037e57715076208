import { CandidatePairState, type Connection } from 'werift';

export type PathKind = 'host' | 'srflx' | 'prflx' | 'relay';

/** The selected candidate pair (RFC 8445 §8.1.1); the kind is that of its end that is farther from a plain address. */
export interface SelectedPair {
  readonly kind: PathKind;
  readonly local: string;
  readonly remote: string;
  /** Of the last connectivity or consent check, ms. */
  readonly rttMs: number | null;
}

/** One candidate pair and what became of it, for the NAT doctor. */
export interface PairReport {
  readonly local: string;
  readonly localKind: PathKind;
  readonly remote: string;
  readonly remoteKind: PathKind;
  /** Of the way to the relay, else of the pair. */
  readonly protocol: 'udp' | 'tcp';
  readonly state: 'waiting' | 'in-progress' | 'succeeded' | 'failed';
  readonly nominated: boolean;
  readonly rttMs: number | null;
}

const KINDS: readonly PathKind[] = ['host', 'srflx', 'prflx', 'relay'];
const MAX_REPORTS = 64;
const pathKind = (type: string): PathKind => KINDS.find((kind) => kind === type) ?? 'host';
const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);
const address = (candidate: { readonly host: string; readonly port: number }): string => `${bracketed(candidate.host)}:${candidate.port}`;

/** Of two ends' kinds the one that says more of the way between them. */
export const farther = (a: PathKind, b: PathKind): PathKind => (KINDS.indexOf(a) > KINDS.indexOf(b) ? a : b);

/** Null before ICE has nominated a pair. */
export function selectedPair(connection: Connection): SelectedPair | null {
  const pair = connection.nominated;
  if (!pair) return null;
  const { localCandidate: local, remoteCandidate: remote } = pair;
  return {
    kind: farther(pathKind(local.type), pathKind(remote.type)),
    local: address(local),
    remote: address(remote),
    rttMs: pair.rtt === undefined ? null : pair.rtt * 1000,
  };
}

/** The pairs in order of their priority; at most 64. */
export function pairReports(connection: Connection): readonly PairReport[] {
  return connection.candidatePairs.slice(0, MAX_REPORTS).map((pair) => ({
    local: address(pair.localCandidate),
    localKind: pathKind(pair.localCandidate.type),
    remote: address(pair.remoteCandidate),
    remoteKind: pathKind(pair.remoteCandidate.type),
    protocol: pair.localCandidate.transport.toLowerCase() === 'tcp' ? 'tcp' : 'udp',
    state: STATES[pair.state] ?? 'waiting',
    nominated: pair === connection.nominated,
    rttMs: pair.rtt === undefined ? null : pair.rtt * 1000,
  }));
}

const STATES: Readonly<Record<number, PairReport['state']>> = {
  [CandidatePairState.FROZEN]: 'waiting',
  [CandidatePairState.WAITING]: 'waiting',
  [CandidatePairState.IN_PROGRESS]: 'in-progress',
  [CandidatePairState.SUCCEEDED]: 'succeeded',
  [CandidatePairState.FAILED]: 'failed',
};
