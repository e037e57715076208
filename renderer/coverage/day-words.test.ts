import { describe, expect, it } from 'vitest';
import { utcMs, type DayCoverage } from '../../electron/contract/model.ts';
import { dayWords, overall, spoken } from './day-words.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const day = (recordedMs: number, missing: DayCoverage['missing'] = [], more: Partial<DayCoverage> = {}): DayCoverage => ({
  from: utcMs(Date.UTC(2026, 10, 23)),
  to: utcMs(Date.UTC(2026, 10, 24)),
  owedMs: missing.reduce((sum, { ms }) => sum + ms, recordedMs),
  recordedMs,
  healedMs: 0,
  missing,
  ...more,
});
const said = (coverage: DayCoverage) => dayWords(coverage, 'UTC');

describe('a day in words', () => {
  it('is said to be whole only when it is', () => {
    expect(said(day(DAY)).percent).toBe('100');
    expect(said(day(DAY - 400, [{ reason: 'session-lost', ms: 400 }])).percent).toBe('100');
    expect(said(day(DAY - 2_000, [{ reason: 'session-lost', ms: 2_000 }])).percent).toBe('99.9');
    expect(said(day(DAY / 2, [{ reason: 'disk-full', ms: DAY / 2 }])).percent).toBe('50');
    expect(said(day(1_000, [{ reason: 'disk-full', ms: DAY }])).percent).toBe('<0.1');
    expect(said(day(0, [{ reason: 'disk-full', ms: DAY }])).percent).toBe('0');
  });

  it('does not count what was not meant to be recorded, and says so all the same', () => {
    const half = said(day(DAY / 2, [{ reason: 'schedule', ms: DAY / 2 }]));
    expect(half).toMatchObject({ share: 1, percent: '100', failed: false });
    expect(half.reasons).toEqual([{ kind: 'not-owed', words: 'Off by the schedule', length: '12 h' }]);
    expect(said(day(0, [{ reason: 'schedule', ms: DAY }]))).toMatchObject({
      share: null,
      percent: '–',
      headline: 'Nothing was meant to be recorded.',
    });
    expect(said(day(0)).headline).toBe('The camera was not there yet.');
  });

  it('has its reasons with their lengths, what failed marked, what was fetched later, and all of it in one sentence', () => {
    const words = said(
      day(
        DAY - 3 * HOUR,
        [
          { reason: 'asleep', ms: 2 * HOUR },
          { reason: 'rtsp-unauthorized', ms: HOUR },
        ],
        { healedMs: 10 * 60_000 },
      ),
    );
    expect(words.failed).toBe(true);
    expect(words.headline).toBe('87 % recorded: 21 h, 10 min of it fetched later.');
    expect(spoken(words)).toMatch(/23.*: 87 % recorded.*Not recorded: Computer asleep, 2 h; Camera refused user or password, 1 h\.$/);
    expect(said(day(DAY - 10_000, [{ reason: 'session-lost', ms: 10_000 }])).failed).toBe(false);
  });

  it('is short however many reasons there are', () => {
    const reasons = ['asleep', 'disk-full', 'ice-failed', 'peer-absent', 'session-lost', 'no-keyframe', 'clock-set', 'file-lost'];
    const { reasons: list } = said(
      day(
        HOUR,
        reasons.map((reason, i) => ({ reason, ms: 100_000 - i * 1_000 })),
      ),
    );
    expect(list).toHaveLength(7);
    expect(list.at(-1)?.words).toBe('2 other reasons');
  });
});

describe('all days', () => {
  it('are one figure', () => {
    expect(overall([day(DAY), day(DAY / 2, [{ reason: 'schedule', ms: DAY / 2 }])])).toBe('100');
    expect(overall([day(DAY), day(0, [{ reason: 'disk-full', ms: DAY }])])).toBe('50');
    expect(overall([])).toBe('–');
  });
});
