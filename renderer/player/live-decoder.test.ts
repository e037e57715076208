import { describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import { DecoderBench, FakePicture } from './fake-decoder.ts';
import { CONFIG } from './fake-footage.ts';
import { LiveDecoder, MAX_QUEUE, MAX_WAIT_MS } from './live-decoder.ts';

const START = Date.UTC(2026, 0, 1);
const data = new Uint8Array(4);

function setUp(immediate: boolean) {
  const bench = new DecoderBench(immediate);
  const painted: number[] = [];
  let now = 0;
  const decoder = new LiveDecoder<FakePicture>({
    createDecoder: bench.create,
    now: () => now,
    paint: (picture, at) => {
      painted.push(at - START);
      picture.close();
    },
  });
  decoder.configure(CONFIG);
  return {
    bench,
    decoder,
    painted,
    frame: (ms: number, key = false, dropped = 0) => decoder.frame(utcMs(START + ms), key, data, dropped),
    wait: (ms: number) => (now += ms),
  };
}

describe('LiveDecoder', () => {
  it('paints every frame with its own time while decoding keeps up', () => {
    const { frame, painted, decoder, bench } = setUp(true);
    frame(0, true);
    frame(40);
    frame(80);
    expect(painted).toEqual([0, 40, 80]);
    expect(decoder.counters).toMatchObject({ decoded: 3, skipped: 0 });
    expect(bench.open()).toBe(0);
  });

  it('waits for the first keyframe, and counts what it left out', () => {
    const { frame, painted, decoder } = setUp(true);
    frame(0);
    frame(40);
    frame(80, true);
    expect(painted).toEqual([80]);
    expect(decoder.counters.skipped).toBe(2);
  });

  it('takes the burst a stream begins with', () => {
    const { frame, bench, decoder } = setUp(false);
    frame(0, true);
    for (let i = 1; i < 60; i++) frame(i * 40);
    expect(decoder.counters.skipped).toBe(0);
    expect(bench.last.waiting).toHaveLength(60);
  });

  it('skips to the next keyframe when frames have waited too long, and drops what still waits there', () => {
    const { frame, bench, decoder, painted, wait } = setUp(false);
    frame(0, true);
    frame(40);
    frame(80);
    frame(120);
    wait(MAX_WAIT_MS + 1);
    frame(160);
    expect(decoder.counters.skipped).toBe(1);
    expect(bench.last.waiting).toHaveLength(4);
    frame(200, true);
    expect(decoder.counters.skipped).toBe(1 + 4);
    expect(bench.last.waiting).toHaveLength(1);
    bench.last.work();
    frame(240);
    bench.last.work();
    expect(painted).toEqual([200, 240]);
  });

  it('goes on without a reset when the backlog is gone by the next keyframe', () => {
    const { frame, bench, decoder, painted, wait } = setUp(false);
    frame(0, true);
    frame(40);
    frame(80);
    wait(MAX_WAIT_MS + 1);
    frame(120);
    bench.last.work();
    frame(160);
    expect(decoder.counters.skipped).toBe(2);
    frame(200, true);
    bench.last.work();
    expect(painted).toEqual([0, 40, 80, 200]);
    expect(bench.configs).toHaveLength(1);
  });

  it('never lets more than the limit wait', () => {
    const { frame, bench, decoder } = setUp(false);
    frame(0, true);
    for (let i = 1; i < 1000; i++) frame(i * 40);
    expect(bench.last.waiting.length).toBeLessThanOrEqual(MAX_QUEUE + 1);
    expect(decoder.counters.skipped).toBe(1000 - bench.last.waiting.length);
  });

  it('does not call one slow frame of a slow camera a backlog', () => {
    const { frame, decoder, wait } = setUp(false);
    frame(0, true);
    wait(5000);
    frame(5000);
    expect(decoder.counters.skipped).toBe(0);
  });

  it('shows nothing broken when the engine dropped frames and goes on without a keyframe', () => {
    const { frame, painted, decoder } = setUp(true);
    frame(0, true);
    frame(200, false, 4);
    frame(240);
    frame(280, true);
    expect(painted).toEqual([0, 280]);
    expect(decoder.counters).toMatchObject({ droppedByEngine: 4, skipped: 2 });
  });

  it('gets a new decoder at the next keyframe after broken data', () => {
    const { frame, bench, painted, decoder } = setUp(true);
    frame(0, true);
    bench.last.fail();
    frame(40);
    frame(80, true);
    expect(painted).toEqual([0, 80]);
    expect(bench.decoders).toHaveLength(2);
    expect(decoder.counters.errors).toBe(1);
  });

  it('closes pictures that come after it was closed', () => {
    const { frame, bench, decoder, painted } = setUp(false);
    frame(0, true);
    const inner = bench.last;
    const { output } = inner.events;
    inner.waiting = [];
    decoder.close();
    const late = new FakePicture(0);
    output(late);
    expect(late.closed).toBe(true);
    expect(painted).toEqual([]);
  });
});
