import type { RTCDtlsTransport } from 'werift';

export type PathKind = 'host' | 'srflx' | 'prflx' | 'relay';

/** The selected candidate pair (RFC 8445 §8.1.1); the kind is that of its end that is farther from a plain address. */
export interface SelectedPair {
  readonly kind: PathKind;
  readonly local: string;
  readonly remote: string;
  /** Of the last connectivity check, ms. */
  readonly rttMs: number | null;
}

const KINDS: readonly PathKind[] = ['host', 'srflx', 'prflx', 'relay'];
const pathKind = (type: string): PathKind => KINDS.find((kind) => kind === type) ?? 'host';
const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** Of two ends' kinds the one that says more of the way between them. */
export const farther = (a: PathKind, b: PathKind): PathKind => (KINDS.indexOf(a) > KINDS.indexOf(b) ? a : b);

/** Null before ICE has nominated a pair. */
export function selectedPair(dtls: RTCDtlsTransport | null): SelectedPair | null {
  const pair = dtls?.iceTransport.connection.nominated;
  if (!pair) return null;
  const { localCandidate: local, remoteCandidate: remote } = pair;
  return {
    kind: farther(pathKind(local.type), pathKind(remote.type)),
    local: `${bracketed(local.host)}:${local.port}`,
    remote: `${bracketed(remote.host)}:${remote.port}`,
    rttMs: pair.rtt === undefined ? null : pair.rtt * 1000,
  };
}
