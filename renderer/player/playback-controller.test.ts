import { describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import { DecoderBench, type FakePicture } from './fake-decoder.ts';
import { FakeFootage, FRAME_MS } from './fake-footage.ts';
import { GopCache } from './gop-cache.ts';
import { PlaybackController } from './playback-controller.ts';
import type { PlaybackReport } from './playback-messages.ts';

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

function setUp(footage: FakeFootage, immediate = true) {
  const bench = new DecoderBench(immediate);
  const painted: number[] = [];
  const reports: PlaybackReport[] = [];
  let now = 0;
  const controller = new PlaybackController<FakePicture>({
    cache: new GopCache(footage.fetch, 'cam'),
    createDecoder: bench.create,
    now: () => now,
    report: (report) => reports.push(report),
    paint(picture) {
      painted.push(picture.timestamp / 1000);
      picture.close();
      return Promise.resolve();
    },
  });
  return {
    bench,
    controller,
    painted,
    reports,
    of: <K extends PlaybackReport['playback']>(kind: K) =>
      reports.filter((report): report is Extract<PlaybackReport, { playback: K }> => report.playback === kind),
    /** So many milliseconds pass, a display frame each `step`. */
    async pass(ms: number, step = 20) {
      for (let past = 0; past < ms; past += step) {
        now += step;
        controller.tick();
        await settle();
      }
    },
  };
}

describe('seeking', () => {
  it('paints the last picture at or before the time', async () => {
    const { controller, painted, reports, bench } = setUp(new FakeFootage([0, 10_000]));
    await controller.seek(1, utcMs(2350), false);
    expect(painted).toEqual([2300]);
    expect(reports).toEqual([{ playback: 'painted', generation: 1, at: 2300, exact: true }]);
    expect(bench.open()).toBe(0);
  });

  it('finds the exact picture among reordered frames', async () => {
    const footage = new FakeFootage([0, 10_000]);
    footage.reordered = true;
    const { controller, painted } = setUp(footage);
    await controller.seek(1, utcMs(2350), false);
    await controller.seek(2, utcMs(2450), false);
    expect(painted).toEqual([2300, 2400]);
  });

  it('paints the keyframe at once while scrubbing, then the exact picture', async () => {
    const { controller, of, painted } = setUp(new FakeFootage([0, 10_000]));
    await controller.seek(1, utcMs(2350), true);
    expect(painted).toEqual([2000, 2300]);
    expect(of('painted').map(({ exact }) => exact)).toEqual([false, true]);
  });

  it('drops what an older generation still decodes', async () => {
    const { controller, painted, bench, of } = setUp(new FakeFootage([0, 10_000]), false);
    const first = controller.seek(1, utcMs(2350), false);
    await settle();
    const second = controller.seek(2, utcMs(5000), false);
    await settle();
    bench.last.work();
    await Promise.all([first, second]);
    expect(painted).toEqual([5000]);
    expect(of('painted').map(({ generation }) => generation)).toEqual([2]);
    expect(bench.open()).toBe(0);
  });

  it('drops an older generation whose footage comes late', async () => {
    const footage = new FakeFootage([0, 10_000]);
    const slow = Promise.withResolvers<void>();
    const { fetch } = footage;
    const late: typeof fetch = async (camera, at) => {
      if (at === 1000) await slow.promise;
      return fetch(camera, at);
    };
    const bench = new DecoderBench(true);
    const painted: number[] = [];
    const controller = new PlaybackController<FakePicture>({
      cache: new GopCache(late, 'cam'),
      createDecoder: bench.create,
      now: () => 0,
      report: () => {},
      paint: (picture) => Promise.resolve(void painted.push(picture.timestamp / 1000)),
    });
    const first = controller.seek(1, utcMs(1000), false);
    await controller.seek(2, utcMs(3000), false);
    slow.resolve();
    await first;
    expect(painted).toEqual([3000]);
  });

  it('jumps over a gap to what follows, and says so', async () => {
    const { controller, painted, of } = setUp(new FakeFootage([0, 2000], [60_000, 70_000]));
    await controller.seek(1, utcMs(30_000), false);
    expect(painted).toEqual([60_000]);
    expect(of('gap')).toEqual([
      { playback: 'gap', generation: 1, from: 2000, to: 60_000, reason: 'session-lost', text: 'The connection broke.', jumpedTo: 60_000 },
    ]);
  });

  it('takes the newest picture for a time just after it, without a word', async () => {
    const { controller, painted, of } = setUp(new FakeFootage([0, 20_000]));
    await controller.seek(1, utcMs(21_500), false);
    expect(painted).toEqual([19_900]);
    expect(of('gap')).toEqual([]);
  });

  it('shows the last picture before a gap that nothing follows, and says why', async () => {
    const { controller, painted, of } = setUp(new FakeFootage([0, 20_000]));
    await controller.seek(1, utcMs(90_000), false);
    expect(painted).toEqual([19_900]);
    expect(of('gap')).toHaveLength(1);
  });

  it('says that nothing is there at all', async () => {
    const { controller, painted, of } = setUp(new FakeFootage());
    await controller.seek(1, utcMs(1000), false);
    expect(painted).toEqual([]);
    expect(of('gap')[0]?.jumpedTo).toBeNull();
  });

  it('tells a failure in the engine’s words', async () => {
    const reports: PlaybackReport[] = [];
    const controller = new PlaybackController<FakePicture>({
      cache: new GopCache(() => Promise.reject(new Error('The disk is gone.')), 'cam'),
      createDecoder: new DecoderBench(true).create,
      now: () => 0,
      report: (report) => reports.push(report),
      paint: () => Promise.resolve(),
    });
    await controller.seek(7, utcMs(1000), false);
    expect(reports).toEqual([{ playback: 'failed', generation: 7, text: 'The disk is gone.' }]);
  });
});

describe('stepping', () => {
  it.each([false, true])('goes one picture forward and back, across groups (reordered: %s)', async (reordered) => {
    const footage = new FakeFootage([0, 10_000]);
    footage.reordered = reordered;
    const { controller, painted } = setUp(footage);
    await controller.seek(1, utcMs(1800), false);
    await controller.step(2, 1);
    await controller.step(3, 1);
    await controller.step(4, -1);
    await controller.step(5, -1);
    expect(painted).toEqual([1800, 1900, 2000, 1900, 1800]);
  });

  it('goes several at once', async () => {
    const { controller, painted } = setUp(new FakeFootage([0, 10_000]));
    await controller.seek(1, utcMs(1800), false);
    await controller.step(2, 5);
    await controller.step(3, -12);
    expect(painted).toEqual([1800, 2300, 1100]);
  });

  it('crosses a gap in the direction of the step', async () => {
    const { controller, painted } = setUp(new FakeFootage([0, 2000], [60_000, 70_000]));
    await controller.seek(1, utcMs(1900), false);
    await controller.step(2, 1);
    await controller.step(3, -1);
    expect(painted).toEqual([1900, 60_000, 1900]);
  });

  it('stays on the newest picture when nothing follows', async () => {
    const { controller, painted } = setUp(new FakeFootage([0, 2000]));
    await controller.seek(1, utcMs(1900), false);
    await controller.step(2, 1);
    expect(painted).toEqual([1900, 1900]);
  });
});

describe('playing', () => {
  it('shows every picture in order, gapless across groups, at the right pace', async () => {
    const { controller, painted, pass, bench } = setUp(new FakeFootage([0, 10_000]));
    await controller.seek(1, utcMs(500), false);
    controller.play(2, 1);
    await settle();
    await pass(3000);
    const expected = Array.from({ length: painted.length - 1 }, (_, i) => 500 + i * FRAME_MS);
    expect(painted.slice(1)).toEqual(expected);
    expect(painted.at(-1)).toBeGreaterThanOrEqual(3300);
    expect(painted.at(-1)).toBeLessThanOrEqual(3600);
    expect(bench.configs.length).toBeLessThanOrEqual(2);
  });

  it('fetches the next group before it is needed', async () => {
    const footage = new FakeFootage([0, 10_000]);
    const { controller, pass } = setUp(footage);
    await controller.seek(1, utcMs(0), false);
    controller.play(2, 1);
    await settle();
    await pass(60);
    expect(footage.asked).toContain(1000);
  });

  it('holds a bounded number of decoded pictures', async () => {
    const { controller, pass, bench } = setUp(new FakeFootage([0, 60_000]));
    await controller.seek(1, utcMs(0), false);
    controller.play(2, 1);
    await settle();
    await pass(2000);
    expect(bench.open()).toBeLessThanOrEqual(8);
    controller.pause(3);
    expect(bench.open()).toBe(0);
  });

  it('goes at the speed asked for', async () => {
    const { controller, painted, pass } = setUp(new FakeFootage([0, 60_000]));
    await controller.seek(1, utcMs(0), false);
    controller.play(2, 4);
    await settle();
    await pass(2000);
    expect(painted.at(-1)).toBeGreaterThanOrEqual(7300);
    expect(painted.at(-1)).toBeLessThanOrEqual(8000);
    controller.play(3, 0.5);
    const before = painted.at(-1) ?? 0;
    await pass(2000);
    expect((painted.at(-1) ?? 0) - before).toBeLessThanOrEqual(1200);
  });

  it('shows keyframes only from 8x on', async () => {
    const { controller, painted, pass, of, bench } = setUp(new FakeFootage([0, 60_000]));
    await controller.seek(1, utcMs(300), false);
    const soFar = bench.decoded.length;
    controller.play(2, 16);
    await settle();
    await pass(1000);
    const played = painted.slice(1);
    expect(played.every((at) => at % 1000 === 0)).toBe(true);
    expect(played.length).toBeGreaterThan(10);
    expect(bench.decoded.slice(soFar).every((chunk) => chunk.key)).toBe(true);
    expect(of('mode').at(-1)?.keyframesOnly).toBe(true);
  });

  it('turns to keyframes when the decoder does not keep up, and says so', async () => {
    const { controller, pass, of, bench } = setUp(new FakeFootage([0, 60_000]));
    await controller.seek(1, utcMs(0), false);
    bench.immediate = false;
    controller.play(2, 4);
    await settle();
    await pass(1500);
    expect(of('mode').at(-1)?.keyframesOnly).toBe(true);
  });

  it('lets time wait for late pictures instead of skipping them', async () => {
    const { controller, painted, pass, bench } = setUp(new FakeFootage([0, 60_000]));
    await controller.seek(1, utcMs(0), false);
    bench.immediate = false;
    controller.play(2, 1);
    await settle();
    await pass(800);
    bench.last.work();
    await pass(100);
    expect(painted.slice(1, 3)).toEqual([0, 100]);
  });

  it('jumps over a gap and plays on', async () => {
    const { controller, painted, pass, of } = setUp(new FakeFootage([0, 1500], [60_000, 70_000]));
    await controller.seek(1, utcMs(1300), false);
    controller.play(2, 1);
    await settle();
    await pass(1000);
    expect(painted).toContain(1400);
    expect(painted).toContain(60_000);
    expect(painted).toContain(60_300);
    expect(of('gap')).toEqual([
      { playback: 'gap', generation: 2, from: 1500, to: 60_000, reason: 'session-lost', text: 'The connection broke.', jumpedTo: 60_000 },
    ]);
  });

  it('crosses the seam between two segments that the engine tells as one', async () => {
    const footage = new FakeFootage([0, 2000], [2200, 9000]);
    // As the engine does: within its tolerance the group before the hole is given once more.
    const plain = footage.at.bind(footage);
    footage.at = (at) => plain(at >= 2000 && at < 2200 ? utcMs(1999) : at);
    const { controller, painted, pass, of } = setUp(footage);
    await controller.seek(1, utcMs(1800), false);
    controller.play(2, 1);
    await settle();
    await pass(1000);
    expect(painted.slice(1, 5)).toEqual([1800, 1900, 2200, 2300]);
    expect(of('present')).toEqual([]);
  });

  it('plays on with what the group being recorded has grown by', async () => {
    const footage = new FakeFootage([0, 500]);
    const { controller, painted, pass, of } = setUp(footage);
    await controller.seek(1, utcMs(0), false);
    const plain = footage.at.bind(footage);
    footage.at = (at) => {
      if (at >= 500) footage.spans = new FakeFootage([0, 1500]).spans;
      return plain(at);
    };
    controller.play(2, 1);
    await settle();
    await pass(1000);
    expect(painted.slice(1, 9)).toEqual([0, 100, 200, 300, 400, 500, 600, 700]);
    expect(of('present')).toEqual([]);
  });

  it('tells when it has reached the newest recording', async () => {
    const { controller, painted, pass, of } = setUp(new FakeFootage([0, 2000]));
    await controller.seek(1, utcMs(1500), false);
    controller.play(2, 1);
    await settle();
    await pass(1500);
    expect(painted.at(-1)).toBe(1900);
    expect(of('present')).toHaveLength(1);
    expect(controller.playing).toBe(false);
  });

  it('goes on behind damaged footage', async () => {
    const { controller, painted, pass, bench } = setUp(new FakeFootage([0, 60_000]));
    await controller.seek(1, utcMs(0), false);
    controller.play(2, 1);
    await settle();
    await pass(200);
    bench.last.fail();
    await settle();
    await pass(300);
    expect(painted.at(-1)).toBeGreaterThanOrEqual(1000);
  });
});
