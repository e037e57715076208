import { describe, expect, it } from 'vitest';
import type { Facts } from '../../base/log.ts';
import { SimulatedClock } from '../../base/clock.ts';
import { LossLog } from './loss-log.ts';
import { qualityInWords } from './quality-words.ts';

describe('pictures lost for good', () => {
  it('are written down, once a minute at most, and none is left out', async () => {
    const clock = new SimulatedClock();
    const lines: number[] = [];
    const log = new LossLog(clock, { warn: (_text: string, facts: Facts = {}) => void lines.push(Number(facts.frames)) }, 'Yard');
    for (const frames of [0, 0, 2, 1, 2]) {
      log.add(frames);
      await clock.advance(1_000);
    }
    expect(lines).toEqual([2]);
    await clock.advance(60_000);
    log.add(0);
    expect(lines).toEqual([2, 3]);
    await clock.advance(600_000);
    log.add(0);
    expect(lines).toHaveLength(2);
  });
});

describe('the picture that a camera sends', () => {
  it('is put into words: which it is, why, and what the way carries', () => {
    const told = { type: 'quality' as const, stream: 'sub' as const, estimateKbps: 480 };
    expect(qualityInWords({ ...told, stream: 'main', reason: null })).toEqual({ stream: 'main', reason: null, estimateKbps: 480 });
    expect(qualityInWords({ ...told, reason: 'uplink-thin' }).reason).toMatch(
      /too thin for its full picture: it carries about 480 kbit\/s/,
    );
    expect(qualityInWords({ ...told, reason: 'frames-left-out' }).reason).toMatch(/even for its small picture/);
    expect(qualityInWords({ ...told, stream: 'main', reason: 'frames-left-out', estimateKbps: null }).reason).toMatch(/its only picture\./);
    expect(qualityInWords({ ...told, stream: 'main', reason: 'of-a-later-version', estimateKbps: 12_000 }).reason).toMatch(/12 Mbit\/s/);
  });
});
