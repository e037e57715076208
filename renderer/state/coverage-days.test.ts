import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import { Cameras } from './cameras.svelte.ts';
import { CoverageDays } from './coverage-days.svelte.ts';
import { FakeEngine } from './fake-engine.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('sums the days up once for many deletions, of its own camera only, and no more when it is closed', async () => {
  const engine = new FakeEngine({ 'cameras.list': () => [], 'coverage.days': () => [] });
  const days = new CoverageDays(engine.link, new Cameras(engine.link), 'cam-aaaaaaaa', 'UTC');
  const asked = () => engine.calls.filter(({ name }) => name === 'coverage.days').length;
  const remove = (camera: string) => engine.tell('events', { kind: 'recording.removed', camera, from: utcMs(0), to: utcMs(1) });
  engine.link.start();
  await vi.advanceTimersByTimeAsync(10);
  expect(asked()).toBe(1);
  remove('cam-bbbbbbbb');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked()).toBe(1);
  for (let i = 0; i < 20; i += 1) {
    remove('cam-aaaaaaaa');
    await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked()).toBe(2);
  remove('cam-aaaaaaaa');
  days.close();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(asked()).toBe(2);
});
