import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { SimulatedClock } from '../base/clock.ts';
import { utcMs } from '../base/units.ts';
import type { Storage } from '../storage/client.ts';
import type { GapRow } from '../storage/interface.ts';
import { Footage } from './footage.ts';
import { complement, coveragePerBucket, Recordings } from './recordings.ts';

const T0 = Date.UTC(2026, 10, 23);

interface Stored {
  spans?: [number, number][];
  gaps?: { from: number; to: number | null; reason: GapRow['reason'] }[];
  runs?: [number, number][];
  created?: number;
  now?: number;
  removed?: number;
}

/** Stands at the far end of the calls: what the database would answer. Times in seconds. */
function recordingsOf({ spans = [], gaps = [], runs = [[0, 1_000]], created = 0, now = 1_000, removed }: Stored): Recordings {
  const at = (seconds: number) => utcMs(T0 + seconds * 1_000);
  const answers: Record<string, unknown> = {
    camera: { key: 1, id: 'cam-a', createdAt: at(created), removedAt: removed === undefined ? null : at(removed) },
    spans: spans.map(([from, to]) => ({ from: at(from), to: at(to) })),
    gaps: gaps.map(({ from, to, reason }) => ({ camera: 1, start: at(from), end: to === null ? null : at(to), reason, text: reason })),
    runs: runs.map(([from, to]) => ({ from: at(from), to: at(to) })),
    around: { previous: null, next: null },
  };
  const storage = { call: ((name: string) => Promise.resolve(answers[name])) as Storage['call'] };
  return new Recordings(storage, new Footage(storage, () => []), new SimulatedClock(T0 + now * 1_000));
}

async function tile(stored: Stored, from: number, to: number): Promise<string[]> {
  const answer = await recordingsOf(stored).query({ camera: 'cam-a', from: utcMs(T0 + from * 1_000), to: utcMs(T0 + to * 1_000) });
  const seconds = (time: number) => (time - T0) / 1_000;
  const parts = [
    ...answer.spans.map((span) => ({ ...span, reason: 'recorded' })),
    ...answer.gaps.map(({ from: start, to: end, reason }) => ({ from: start, to: end, reason })),
  ].sort((a, b) => a.from - b.from);
  // The one rule that holds for every answer: no hole, no overlap, nothing empty.
  let position = T0 + from * 1_000;
  for (const part of parts) {
    expect(part.from).toBe(position);
    expect(part.to).toBeGreaterThan(part.from);
    position = part.to;
  }
  expect(position).toBe(T0 + Math.max(from, to) * 1_000);
  return parts.map((part) => `${seconds(part.from)}-${seconds(part.to)} ${part.reason}`);
}

describe('what was recorded and why not', () => {
  it('knows the time before the camera and the time to come', async () => {
    expect(await tile({ spans: [[100, 1_000]], created: 100 }, 50, 1_100)).toEqual([
      '50-100 not-added-yet',
      '100-1000 recorded',
      '1000-1100 future',
    ]);
    expect(await tile({ created: 100 }, 0, 50)).toEqual(['0-50 not-added-yet']);
    expect(await tile({}, 2_000, 3_000)).toEqual(['2000-3000 future']);
  });

  it('knows when the app was away, whatever was noted before it went', async () => {
    const runs: [number, number][] = [
      [0, 200],
      [500, 1_000],
    ];
    expect(
      await tile(
        {
          spans: [
            [0, 203],
            [510, 990],
          ],
          runs,
          gaps: [{ from: 505, to: 510, reason: 'connecting' }],
        },
        0,
        990,
      ),
    ).toEqual(['0-203 recorded', '203-500 app-not-running', '500-510 connecting', '510-990 recorded']);
    expect(await tile({ spans: [[0, 100]], runs, gaps: [{ from: 100, to: 600, reason: 'ice-failed' }] }, 0, 600)).toEqual([
      '0-100 recorded',
      '100-200 ice-failed',
      '200-500 app-not-running',
      '500-600 ice-failed',
    ]);
  });

  it('does not take a late note of the app being alive for its absence', async () => {
    expect(
      await tile(
        {
          spans: [
            [0, 200],
            [210, 990],
          ],
          runs: [
            [0, 201],
            [209, 1_000],
          ],
        },
        0,
        990,
      ),
    ).toEqual(['0-200 recorded', '200-210 unknown', '210-990 recorded']);
  });

  it('gives unexplained seconds to the reason beside them, and is honest about the rest', async () => {
    const gaps = [{ from: 110, to: 190, reason: 'session-lost' as const }];
    expect(
      await tile(
        {
          spans: [
            [0, 100],
            [200, 990],
          ],
          gaps,
        },
        0,
        990,
      ),
    ).toEqual(['0-100 recorded', '100-200 session-lost', '200-990 recorded']);
    expect(
      await tile(
        {
          spans: [
            [0, 100],
            [300, 990],
          ],
          gaps,
        },
        0,
        990,
      ),
    ).toEqual(['0-100 recorded', '100-190 session-lost', '190-300 unknown', '300-990 recorded']);
  });

  it('lets a gap that lasts reach until now', async () => {
    const gaps = [{ from: 500, to: null, reason: 'disk-full' as const }];
    expect(await tile({ spans: [[0, 500]], gaps }, 0, 1_100)).toEqual(['0-500 recorded', '500-1000 disk-full', '1000-1100 future']);
  });

  it('believes a noted fact more than the absence of the app', async () => {
    const gaps = [{ from: 200, to: 400, reason: 'unknown' as const }];
    expect(
      await tile(
        {
          spans: [[0, 200]],
          gaps,
          runs: [
            [0, 200],
            [600, 1_000],
          ],
        },
        0,
        600,
      ),
    ).toEqual(['0-200 recorded', '200-400 unknown', '400-600 app-not-running']);
  });

  it('does not call the moment that is on its way to the disk a gap of its own', async () => {
    expect(await tile({ spans: [[0, 999]] }, 900, 1_010)).toEqual(['900-999 recorded', '999-1010 future']);
  });

  it('ends with the removal of the camera', async () => {
    expect(await tile({ spans: [[0, 100]], removed: 100 }, 0, 300)).toEqual(['0-100 recorded', '100-300 recorder-stopped']);
  });

  it('answers odd ranges', async () => {
    expect(await tile({}, 500, 500)).toEqual([]);
    expect(await tile({}, 500, 400)).toEqual([]);
    const odd = await recordingsOf({ spans: [[0, 1_000]] }).query({ camera: 'cam-a', from: utcMs(T0 + 0.7), to: utcMs(T0 + 1_000.2) });
    expect(odd.coverage).toBe(1);
  });

  it('tiles whatever is stored', async () => {
    const share = seededRandom(3);
    const random = (n: number) => Math.floor(share() * n);
    const reasons = ['session-lost', 'unknown', 'disk-full', 'connecting'] as const;
    const disjoint = (count: number): [number, number][] => {
      const cuts = Array.from({ length: count * 2 }, () => random(1_000)).sort((a, b) => a - b);
      return Array.from({ length: count }, (_, i): [number, number] => [cuts[2 * i] ?? 0, cuts[2 * i + 1] ?? 0]).filter(
        ([from, to]) => to > from,
      );
    };
    for (let round = 0; round < 500; round++) {
      const gaps = Array.from({ length: random(6) }, () => {
        const from = random(1_000);
        return { from, to: random(5) === 0 ? null : from + 1 + random(200), reason: reasons[random(4)] ?? 'unknown' };
      }).sort((a, b) => a.from - b.from);
      await tile(
        { spans: disjoint(random(5)), runs: disjoint(random(4)), gaps, created: random(600), now: 500 + random(600) },
        random(300),
        300 + random(900),
      );
    }
  });
});

describe('coverage', () => {
  it('is the share of each bucket that is recorded', () => {
    const span = (from: number, to: number) => ({ from: utcMs(from), to: utcMs(to) });
    expect(coveragePerBucket([span(0, 15), span(38, 40)], 0, 40, 4)).toEqual([1, 0.5, 0, 0.2]);
    expect(coveragePerBucket([span(5, 35)], 0, 40, 1)).toEqual([0.75]);
    expect(coveragePerBucket([span(0, 40)], 0, 40, 3).map((share) => share.toFixed(6))).toEqual(['1.000000', '1.000000', '1.000000']);
    expect(coveragePerBucket([], 10, 10, 2)).toEqual([0, 0]);
  });

  it('leaves what is between the spans', () => {
    expect(
      complement(
        [
          { from: 0, to: 2 },
          { from: 5, to: 7 },
        ],
        1,
        9,
      ),
    ).toEqual([
      { from: 2, to: 5 },
      { from: 7, to: 9 },
    ]);
    expect(complement([], 1, 9)).toEqual([{ from: 1, to: 9 }]);
    expect(complement([{ from: 0, to: 20 }], 1, 9)).toEqual([]);
  });
});
