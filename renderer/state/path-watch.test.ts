import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakePath } from './fake-path.ts';
import { FakeEngine } from './fake-engine.ts';
import { PathWatch } from './path-watch.svelte.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

async function setUp(answer: () => unknown = () => fakePath()) {
  const engine = new FakeEngine({ 'cameras.path': answer });
  engine.link.start();
  await vi.advanceTimersByTimeAsync(1);
  const watch = new PathWatch(engine.link, 'cam-aaaaaaaa', 1000);
  await vi.advanceTimersByTimeAsync(1);
  return { engine, watch, asked: () => engine.calls.filter(({ name }) => name === 'cameras.path').length };
}

describe('PathWatch', () => {
  it('asks at once and then at its pace, until it is closed', async () => {
    const { watch, asked } = await setUp();
    expect([asked(), watch.report?.kbps]).toEqual([1, 1200]);
    await vi.advanceTimersByTimeAsync(3000);
    expect(asked()).toBe(4);
    watch.close();
    await vi.advanceTimersByTimeAsync(3000);
    expect(asked()).toBe(4);
  });

  it('keeps what it knows when an answer fails, says why, and goes on', async () => {
    let fails = false;
    const { watch } = await setUp(() => {
      if (fails) throw new Error('There is no camera.');
      return fakePath();
    });
    fails = true;
    await vi.advanceTimersByTimeAsync(1000);
    expect([watch.error, watch.report?.kbps]).toEqual([expect.stringContaining('no camera'), 1200]);
    fails = false;
    await vi.advanceTimersByTimeAsync(1000);
    expect(watch.error).toBeNull();
    watch.close();
  });
});
