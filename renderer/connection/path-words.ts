import type { CandidatePair, PathAttempt, PathKind } from '../../electron/contract/model.ts';

/** What a candidate's kind (RFC 8445 §5.1.1) means to people. */
const KIND_WORDS: Readonly<Record<PathKind, string>> = {
  host: 'own address',
  srflx: 'router’s address',
  prflx: 'found on the way',
  relay: 'relay',
  rtsp: 'RTSP',
};

export const kindWords = (kind: PathKind): string => KIND_WORDS[kind];

const STATE_WORDS: Readonly<Record<CandidatePair['state'], string>> = {
  'waiting': 'Waiting',
  'in-progress': 'Trying…',
  'succeeded': 'Works',
  'failed': 'No answer',
};

/** `In use · 12 ms`, `Works · 30 ms`, `No answer`. */
export function pairResult({ state, nominated, rttMs }: CandidatePair): string {
  const word = nominated && state === 'succeeded' ? 'In use' : STATE_WORDS[state];
  return rttMs === null || state !== 'succeeded' ? word : `${word} · ${Math.round(rttMs)} ms`;
}

const RANK: Readonly<Record<CandidatePair['state'], number>> = { 'succeeded': 0, 'in-progress': 1, 'waiting': 2, 'failed': 3 };

/** The one in use first, then what works, then the rest. */
export function inOrder(pairs: readonly CandidatePair[]): readonly CandidatePair[] {
  return [...pairs].sort((a, b) => Number(b.nominated) - Number(a.nominated) || RANK[a.state] - RANK[b.state]);
}

const WAY_WORDS: Readonly<Record<PathAttempt['way'], string>> = {
  'ice': 'The usual ways',
  'mapped-port': 'A port opened by the router',
  'ipv6': 'IPv6',
  'prediction': 'The router’s next port, guessed',
  'birthday': 'Many ports at once',
};

export const attemptWords = (way: PathAttempt['way']): string => WAY_WORDS[way];

/** `0.4 s`, `12 s`. */
export const took = (ms: number): string => (ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`);
