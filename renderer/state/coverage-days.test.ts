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

it('looks again when the first recording of a day is there, and not at each of those behind it', async () => {
  const today = { from: utcMs(0), to: utcMs(86_400_000), owedMs: 5_000, healedMs: 0, missing: [] };
  let recordedMs = 0;
  const engine = new FakeEngine({ 'cameras.list': () => [], 'coverage.days': () => [{ ...today, recordedMs }] });
  const days = new CoverageDays(engine.link, new Cameras(engine.link), 'cam-aaaaaaaa', 'UTC');
  engine.link.start();
  await vi.advanceTimersByTimeAsync(10);
  recordedMs = 5_000;
  for (let i = 0; i < 8; i += 1) {
    engine.tell('events', { kind: 'recording.added', camera: 'cam-aaaaaaaa', from: utcMs(0), to: utcMs(5_000) });
    await vi.advanceTimersByTimeAsync(3_000);
  }
  expect(days.list[0]?.recordedMs).toBe(5_000);
  expect(engine.calls.filter(({ name }) => name === 'coverage.days')).toHaveLength(2);
  days.close();
});
