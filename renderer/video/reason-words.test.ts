import { describe, expect, it } from 'vitest';
import type { GapReason } from '../../electron/contract/model.ts';
import { kindOf, kindWords, reasonWords } from './reason-words.ts';

/** What recorder, sources and ledger can give as a reason. */
const REASONS: readonly GapReason[] = [
  'not-added-yet',
  'future',
  'recorder-stopped',
  'schedule',
  'no-event',
  'deleted-by-retention',
  'deleted-by-person',
  'app-not-running',
  'asleep',
  'connecting',
  'clock-set',
  'index-lost',
  'index-rebuilding',
  'format-changed',
  'file-lost',
  'unknown',
  'rendezvous-unreachable',
  'peer-absent',
  'ice-failed',
  'dtls-failed',
  'identity-mismatch',
  'session-lost',
  'relay-not-allowed',
  'relay-budget-spent',
  'rtsp-refused',
  'rtsp-unauthorized',
  'source-not-found',
  'source-no-video',
  'source-ended',
  'source-stalled',
  'codec-unsupported',
  'no-keyframe',
  'ffmpeg-missing',
  'ffmpeg-failed',
  'disk-full',
  'disk-missing',
  'disk-failed',
  'disk-read-only',
  'disk-slow',
  'data-unwritable',
  'key-unavailable',
  'too-busy',
];

describe('reasons', () => {
  it('have each their own few words, none of them a code', () => {
    const words = REASONS.map(reasonWords);
    expect(new Set(words).size).toBe(REASONS.length);
    for (const word of words) expect(word).toMatch(/^[A-Zf][^_]{3,48}$/);
    expect(reasonWords('port-in-use')).toBe('Port in use');
  });

  it('are failures unless they are known to be harmless', () => {
    expect(kindOf('disk-full')).toBe('failure');
    expect(kindOf('unknown')).toBe('failure');
    expect(kindOf('asleep')).toBe('away');
    expect(kindOf('schedule')).toBe('not-owed');
    expect(kindOf('deleted-by-person')).toBe('deleted');
    expect(kindOf('future')).toBe('none');
  });

  it('are called in a legend by what is there: who connects is neither off nor asleep', () => {
    const away = (...reasons: GapReason[]) => kindWords('away', new Set(reasons));
    expect(away('asleep')).toBe('Off or asleep');
    expect(away('connecting')).toBe('Connecting');
    expect(away('index-lost', 'connecting', 'app-not-running')).toBe('Off or asleep, connecting, reason lost');
    for (const reason of REASONS) {
      const kind = kindOf(reason);
      if (kind !== 'none') expect(kindWords(kind, new Set([reason]))).not.toBe('');
    }
  });
});
