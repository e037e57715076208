import { describe, expect, it } from 'vitest';
import { utcMs, type PathSpan } from '../../electron/contract/model.ts';
import { changes, shares, stripParts, waySpans } from './history.ts';

const HOUR = 3_600_000;
const T0 = Date.UTC(2026, 0, 30);
const at = (hours: number) => utcMs(T0 + hours * HOUR);
const GONE = { code: 'peer-absent', text: 'It is not at the rendezvous.' } as const;
const span = (from: number, to: number, kind: PathSpan['kind'], reason: PathSpan['reason'] = null): PathSpan => ({
  from: at(from),
  to: at(to),
  kind,
  reason,
});

const day = [
  span(0, 6, 'none'),
  span(6, 9, 'host'),
  span(9, 12, 'srflx'),
  span(12, 13, 'none', GONE),
  span(13, 20, 'relay'),
  span(20, 21, 'none'),
  span(21, 24, 'prflx'),
];

describe('the last 24 h of a camera', () => {
  it('are ways, whatever kind of direct they were, and tile the day', () => {
    const spans = waySpans(day, at(2));
    expect(spans.map(({ way, from, to }) => [way, (to - from) / HOUR])).toEqual([
      ['before', 2],
      ['unwatched', 4],
      ['direct', 6],
      ['none', 1],
      ['relayed', 7],
      ['unwatched', 1],
      ['direct', 3],
    ]);
    for (const [index, next] of spans.slice(1).entries()) expect(next.from).toBe(spans[index]?.to);
  });

  it('claim nothing of the time before the camera was added, nor while Keyhole did not run', () => {
    expect(waySpans([span(0, 24, 'none')], at(30)).map(({ way }) => way)).toEqual(['before']);
    expect(waySpans([span(0, 24, 'none')], at(-5)).map(({ way }) => way)).toEqual(['unwatched']);
    expect(changes(waySpans([span(0, 24, 'none')], at(5)), 'UTC')).toEqual([]);
  });

  it('are summed for those who cannot see the strip', () => {
    expect(shares(waySpans(day, at(0)))).toEqual([
      { way: 'direct', ms: 9 * HOUR },
      { way: 'relayed', ms: 7 * HOUR },
      { way: 'none', ms: HOUR },
      { way: 'unwatched', ms: 7 * HOUR },
    ]);
    expect(shares(waySpans([span(0, 1, 'none'), span(1, 24, 'host')], utcMs(at(1) - 300))).map(({ way }) => way)).toEqual([
      'direct',
      'before',
    ]);
  });

  it('fill the strip from edge to edge', () => {
    const parts = stripParts(waySpans(day, at(0)), 'UTC');
    expect(parts[0]?.left).toBe(0);
    expect(parts.reduce((sum, { width }) => sum + width, 0)).toBeCloseTo(1);
    expect(parts.find(({ way }) => way === 'relayed')).toMatchObject({ left: 13 / 24, width: 7 / 24 });
    expect(stripParts([], 'UTC')).toEqual([]);
  });

  it('are told change by change, the newest first, with the reason', () => {
    const told = changes(waySpans(day, at(0)), 'UTC', 3);
    expect(told.map(({ at: from }) => from)).toEqual([at(21), at(13), at(12)]);
    expect(told.map(({ text }) => text)).toEqual([
      'Direct for 3 h',
      'Relayed for 7 h',
      'Not reached for 1 h: It is not at the rendezvous.',
    ]);
  });
});
