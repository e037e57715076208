import { afterEach, describe, expect, it } from 'vitest';
import { utcMs, type Recordings } from '../../electron/contract/model.ts';
import { Cameras } from './cameras.svelte.ts';
import { Coverage } from './coverage.svelte.ts';
import { FakeEngine } from './fake-engine.ts';
import { addSpan } from './spans.ts';

const at = (ms: number) => utcMs(ms);
const span = (from: number, to: number) => ({ from: at(from), to: at(to) });
const gap = (from: number, to: number) => ({ ...span(from, to), reason: 'session-lost' as const, text: 'Lost.' });

describe('addSpan', () => {
  const known: Recordings = { spans: [span(0, 10), span(50, 60)], gaps: [gap(10, 50), gap(60, 100)], healed: [], coverage: 0.2 };

  it('grows the newest span and takes from the gap', () => {
    expect(addSpan(known, span(60, 70))).toMatchObject({ spans: [span(0, 10), span(50, 70)], gaps: [gap(10, 50), gap(70, 100)] });
  });

  it('joins what it closes', () => {
    expect(addSpan(known, span(10, 50))).toMatchObject({ spans: [span(0, 60)], gaps: [gap(60, 100)] });
  });

  it('splits a gap it falls into', () => {
    expect(addSpan(known, span(20, 30))).toMatchObject({
      spans: [span(0, 10), span(20, 30), span(50, 60)],
      gaps: [gap(10, 20), gap(30, 50), gap(60, 100)],
    });
  });

  it('ignores what is empty', () => {
    expect(addSpan(known, span(20, 20))).toBe(known);
  });
});

describe('Coverage', () => {
  let coverage: Coverage | undefined;
  afterEach(() => coverage?.close());

  async function setUp(answer: (args: { from: number; to: number }) => Recordings) {
    const asked: { from: number; to: number }[] = [];
    const answered: (() => void)[] = [];
    const engine = new FakeEngine({
      'cameras.list': () => [],
      'recordings.query': (args: never) => {
        asked.push(args);
        queueMicrotask(() => answered.shift()?.());
        return answer(args);
      },
    });
    const cameras = new Cameras(engine.link);
    coverage = new Coverage(engine.link, cameras, 'cam-aaaaaaaa');
    engine.link.start();
    await engine.link.ready();
    const nextAnswer = () => new Promise<void>((resolve) => answered.push(() => setTimeout(resolve, 0)));
    return { engine, asked, nextAnswer, shown: coverage };
  }

  it('asks once for a moving range, with a margin, and not again within it', async () => {
    const { asked, nextAnswer, shown } = await setUp((range) => ({
      spans: [span(range.from, range.to)],
      gaps: [],
      healed: [],
      coverage: 1,
    }));
    const first = nextAnswer();
    for (let i = 0; i < 50; i++) shown.show(span(1000 + i, 2000 + i));
    await first;
    expect(asked).toEqual([{ camera: 'cam-aaaaaaaa', from: 549, to: 2549 }]);
    shown.show(span(700, 2400));
    const second = nextAnswer();
    shown.show(span(5000, 6000));
    await second;
    expect(asked).toHaveLength(2);
  });

  it('asks for what is looked at last, though a question is under way', async () => {
    // A person goes on before the first answer is there.
    const { asked, nextAnswer, shown } = await setUp((range) => {
      shown.show(span(50_000, 60_000));
      return { spans: [span(range.from, range.to)], gaps: [], healed: [], coverage: 1 };
    });
    const first = nextAnswer();
    shown.show(span(1000, 2000));
    await first;
    await nextAnswer();
    expect(asked[1]).toMatchObject({ from: 45_000, to: 65_000 });
    expect(shown.recordings.spans).toEqual([span(45_000, 65_000)]);
  });

  it('knows nothing before the first answer, and says why there was none', async () => {
    let broken = true;
    const { nextAnswer, shown, engine } = await setUp(() => {
      if (broken) throw new Error('The index is busy.');
      return { spans: [], gaps: [gap(0, 100)], healed: [], coverage: 0 };
    });
    let answered = nextAnswer();
    shown.show(span(0, 100));
    await answered;
    expect([shown.loaded, shown.error]).toEqual([false, 'Error: The index is busy.']);
    broken = false;
    answered = nextAnswer();
    engine.tell('events', { kind: 'recording.removed', camera: 'cam-aaaaaaaa', from: at(0), to: at(1) });
    await answered;
    expect([shown.loaded, shown.error]).toEqual([true, null]);
  });

  it('takes new footage of its own camera as it comes', async () => {
    const { engine, nextAnswer, shown } = await setUp(() => ({ spans: [span(0, 10)], gaps: [gap(10, 100)], healed: [], coverage: 0.1 }));
    const answered = nextAnswer();
    shown.show(span(0, 100));
    await answered;
    engine.tell('events', { kind: 'recording.added', camera: 'cam-aaaaaaaa', from: at(10), to: at(20) });
    engine.tell('events', { kind: 'recording.added', camera: 'cam-bbbbbbbb', from: at(20), to: at(90) });
    expect(shown.recordings.spans).toEqual([span(0, 20)]);
    expect(shown.gapAt(at(50))?.text).toBe('Lost.');
  });

  it('finds the neighbours of a time', async () => {
    const spans = [span(10_000, 20_000), span(40_000, 50_000)];
    const { shown } = await setUp(({ from, to }) => ({
      spans: spans.filter((one) => one.to > from && one.from < to),
      gaps: [],
      healed: [],
      coverage: 1,
    }));
    expect(await shown.neighbour(at(15_000), 'next')).toBe(40_000);
    expect(await shown.neighbour(at(45_000), 'next')).toBeUndefined();
    expect(await shown.neighbour(at(45_000), 'previous')).toBe(40_000);
    expect(await shown.neighbour(at(41_000), 'previous')).toBe(10_000);
  });
});
