import { describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import { gapSentence } from './gap-sentence.ts';

const utc = (text: string) => utcMs(Date.parse(text));
const gap = { reason: 'app-not-running', text: 'Keyhole was not running.' } as const;

describe('what is said of a gap', () => {
  it('has its times, its length, its reason, and where it goes on', () => {
    const [from, to] = [utc('2026-11-23T09:00:00Z'), utc('2026-11-23T09:30:00Z')];
    const said = gapSentence({ ...gap, from, to, jumpedTo: to }, true, 'UTC');
    expect(said.what).toMatch(/^from 0?9:00:00.* to 0?9:30:00.* \(30\smin\)\.$/);
    expect(said.why).toBe('Keyhole was not running.');
    expect(said.then).toMatch(/^Goes on at 0?9:30:00/);
    expect(gapSentence({ ...gap, from, to, jumpedTo: to }, false, 'UTC').then).toMatch(/^Shown instead/);
    expect(gapSentence({ ...gap, from, to, jumpedTo: null }, false, 'UTC').then).toBe('');
  });

  it('names the days where they differ, and no beginning where there is none', () => {
    const [from, to] = [utc('2026-10-24T09:00:00Z'), utc('2026-11-23T09:30:00Z')];
    expect(gapSentence({ ...gap, from, to, jumpedTo: null }, true, 'UTC').what).toMatch(/24.*23/);
    const said = gapSentence({ ...gap, reason: 'not-added-yet', from, to, jumpedTo: null }, true, 'UTC').what;
    expect(said).toMatch(/^before 0?9:30:00/);
    expect(said).not.toContain('24');
  });
});
