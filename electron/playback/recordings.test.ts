import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { SimulatedClock } from '../base/clock.ts';
import { utcMs } from '../base/units.ts';
import type { Storage } from '../storage/client.ts';
import type { GapRow } from '../storage/interface.ts';
import { Footage } from './footage.ts';
import { complement } from './ranges.ts';
import { coveragePerBucket, Recordings } from './recordings.ts';

const T0 = Date.UTC(2026, 10, 23);

interface Stored {
  spans?: [number, number][];
  gaps?: { from: number; to: number | null; reason: GapRow['reason'] }[];
  facts?: { from: number; to: number; reason: GapRow['reason']; weak?: boolean }[];
  runs?: [number, number][];
  healed?: [number, number][];
  created?: number;
  now?: number;
  removed?: number;
}

/** Stands at the far end of the calls: what the database would answer. Times in seconds. */
function recordingsOf({
  spans = [],
  gaps = [],
  facts = [],
  healed = [],
  runs = [[0, 1_000]],
  created = 0,
  now = 1_000,
  removed,
}: Stored): Recordings {
  const at = (seconds: number) => utcMs(T0 + seconds * 1_000);
  const answers: Record<string, unknown> = {
    camera: { key: 1, id: 'cam-a', createdAt: at(created), removedAt: removed === undefined ? null : at(removed) },
    spans: spans.map(([from, to]) => ({ from: at(from), to: at(to) })),
    gaps: gaps.map(({ from, to, reason }) => ({ camera: 1, start: at(from), end: to === null ? null : at(to), reason, text: reason })),
    runs: runs.map(([from, to]) => ({ from: at(from), to: at(to) })),
    around: { previous: null, next: null },
    facts: facts.map(({ from, to, reason, weak = false }) => ({ start: at(from), end: at(to), reason, text: reason, weak })),
    healed: healed.map(([from, to]) => ({ from: at(from), to: at(to) })),
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

  it('tells a process that died and was started again within seconds', async () => {
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
    ).toEqual(['0-200 recorded', '200-210 app-not-running', '210-990 recorded']);
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

  it('tells sleep, and time that the clock left out, from a connection that was lost; the time after waking up is not asleep', async () => {
    const gaps = [{ from: 100, to: 510, reason: 'session-lost' as const }];
    const facts = [{ from: 101, to: 500, reason: 'asleep' as const }];
    expect(
      await tile(
        {
          spans: [[0, 101]],
          gaps,
          facts,
          runs: [
            [0, 101],
            [500, 1_000],
          ],
        },
        0,
        510,
      ),
    ).toEqual(['0-101 recorded', '101-500 asleep', '500-510 session-lost']);
  });

  it('has the first moment of a camera, before anything was noted of it, explained by its being added', async () => {
    expect(await tile({ spans: [[110, 1_000]], created: 100 }, 0, 1_000)).toEqual([
      '0-100 not-added-yet',
      '100-110 connecting',
      '110-1000 recorded',
    ]);
  });

  it('has time that came twice explained by anything else first', async () => {
    const facts = [{ from: 200, to: 400, reason: 'clock-set' as const, weak: true }];
    const gaps = [{ from: 300, to: 320, reason: 'disk-full' as const }];
    expect(await tile({ spans: [[0, 250]], gaps, facts, runs: [[0, 350]] }, 0, 400)).toEqual([
      '0-250 recorded',
      '250-300 clock-set',
      '300-320 disk-full',
      '320-350 clock-set',
      '350-400 app-not-running',
    ]);
  });

  it('keeps the reasons of time that was lived through before the clock was set back, when it is set forward over it again', async () => {
    const facts = [{ from: 100, to: 1_000, reason: 'clock-set' as const }];
    const gaps = [{ from: 300, to: 320, reason: 'disk-full' as const }];
    expect(
      await tile(
        {
          spans: [
            [0, 300],
            [320, 600],
          ],
          gaps,
          facts,
          runs: [
            [0, 600],
            [1_000, 1_100],
          ],
        },
        0,
        1_100,
      ),
    ).toEqual(['0-300 recorded', '300-320 disk-full', '320-600 recorded', '600-1000 clock-set', '1000-1100 future']);
  });

  it('keeps the own reasons of what lies in a range that was deleted', async () => {
    const gaps = [
      { from: 0, to: 100, reason: 'deleted-by-retention' as const },
      { from: 100, to: 130, reason: 'ice-failed' as const },
      { from: 130, to: 200, reason: 'deleted-by-person' as const },
    ];
    expect(
      await tile(
        {
          spans: [[200, 990]],
          gaps,
          runs: [
            [0, 110],
            [120, 1_000],
          ],
        },
        0,
        990,
      ),
    ).toEqual([
      '0-100 deleted-by-retention',
      '100-110 ice-failed',
      '110-120 app-not-running',
      '120-130 ice-failed',
      '130-200 deleted-by-person',
      '200-990 recorded',
    ]);
  });

  it('does not call what came a moment late unknown', async () => {
    expect(await tile({ spans: [[0, 990]] }, 0, 1_000)).toEqual(['0-990 recorded', '990-1000 source-stalled']);
    expect(await tile({ spans: [[0, 900]] }, 0, 1_000)).toEqual(['0-900 recorded', '900-1000 unknown']);
  });

  it('ends with the removal of the camera', async () => {
    expect(await tile({ spans: [[0, 100]], removed: 100 }, 0, 300)).toEqual(['0-100 recorded', '100-300 recorder-stopped']);
  });

  it('says what was fetched later', async () => {
    const answer = await recordingsOf({ spans: [[0, 500]], healed: [[100, 200]] }).query({
      camera: 'cam-a',
      from: utcMs(T0),
      to: utcMs(T0 + 500_000),
    });
    expect(answer.healed).toEqual([{ from: T0 + 100_000, to: T0 + 200_000 }]);
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
    const reasons = ['session-lost', 'unknown', 'disk-full', 'deleted-by-person', 'file-lost', 'clock-set'] as const;
    const disjoint = (count: number): [number, number][] => {
      const cuts = Array.from({ length: count * 2 }, () => random(1_000)).sort((a, b) => a - b);
      return Array.from({ length: count }, (_, i): [number, number] => [cuts[2 * i] ?? 0, cuts[2 * i + 1] ?? 0]).filter(
        ([from, to]) => to > from,
      );
    };
    for (let round = 0; round < 500; round++) {
      const gaps = Array.from({ length: random(6) }, () => {
        const from = random(1_000);
        return { from, to: random(5) === 0 ? null : from + 1 + random(200), reason: reasons[random(6)] ?? 'unknown' };
      }).sort((a, b) => a.from - b.from);
      await tile(
        {
          spans: disjoint(random(5)),
          runs: disjoint(random(4)),
          gaps,
          facts: disjoint(random(4)).map(([from, to]) => ({ from, to, reason: 'asleep', weak: random(2) === 0 })),
          created: random(600),
          now: 500 + random(600),
          ...(random(4) === 0 ? { removed: 400 + random(400) } : {}),
        },
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
