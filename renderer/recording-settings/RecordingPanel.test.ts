import { flushSync, mount, unmount } from 'svelte';
import { afterEach, describe, expect, it } from 'vitest';
import { ALWAYS_RECORDED, DEFAULT_RECORDING, utcMs, type Camera, type RecordingNow } from '../../electron/contract/model.ts';
import { AppState } from '../state/app-state.ts';
import { fakeCamera } from '../state/fake-camera.ts';
import { FakeEngine, settle } from '../state/fake-engine.ts';
import FakeApp from '../state/FakeApp.svelte';
import RecordingPanel from './RecordingPanel.svelte';
import { nextSentence, nowSentence } from './recording-now-words.ts';
import { scheduleClock } from './schedule-clock.ts';

let panel: ReturnType<typeof mount> | undefined;
let engine: FakeEngine;

async function open(camera: Camera = fakeCamera(), known = true, zone = 'UTC'): Promise<void> {
  engine = new FakeEngine({ 'cameras.list': () => [camera], 'cameras.update': () => camera, 'recording.now': () => camera });
  const screens = { open: () => ({ element: document.createElement('video'), pause: () => {}, resume: () => {}, close: () => {} }) };
  const app = new AppState(engine.source, screens, { getItem: () => null, setItem: () => {} });
  const props = { camera, known, zone, onclose: () => {} };
  panel = mount(FakeApp<typeof props>, { target: document.body, props: { app, of: RecordingPanel, props } });
  app.link.start();
  flushSync();
  await settle();
  flushSync();
}

afterEach(async () => {
  if (panel) await unmount(panel);
  panel = undefined;
  document.body.replaceChildren();
});

function one(selector: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`nothing like ${selector}`);
  return found;
}
const byTestId = (testid: string) => one(`[data-testid=${testid}]`);
const cell = (day: number, hour: number) => one(`[data-cell="${day}-${hour}"]`);
async function act(run: () => void): Promise<void> {
  run();
  await settle();
  flushSync();
}
const press = (element: HTMLElement, key: string, more: KeyboardEventInit = {}) =>
  act(() => element.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more })));
const lastArgs = (name: string) => engine.calls.findLast((call) => call.name === name)?.args;

describe('the recording panel', () => {
  it('paints the week by keyboard alone, and keeps it only when told to', async () => {
    await open();
    expect(cell(0, 0).tabIndex).toBe(0);
    await press(cell(0, 0), 'ArrowDown');
    await press(cell(1, 0), 'ArrowRight');
    expect(cell(1, 1).tabIndex).toBe(0);
    await press(cell(1, 1), ' ');
    expect(cell(1, 1).dataset['mode']).toBe('events');
    expect(cell(1, 1).getAttribute('aria-label')).toBe('Tuesday 01:00 to 02:00: around events');
    await press(cell(1, 1), 'ArrowRight', { shiftKey: true });
    await press(cell(1, 2), 'ArrowDown', { shiftKey: true });
    expect([cell(1, 2), cell(2, 1), cell(2, 2), cell(2, 3)].map(({ dataset }) => dataset['mode'])).toEqual([
      'events',
      'events',
      'events',
      'continuous',
    ]);
    expect(lastArgs('cameras.update')).toBeUndefined();
    await act(() => byTestId('schedule-save').click());
    expect(lastArgs('cameras.update')).toEqual({
      id: 'cam-aaaaaaaa',
      recording: { schedule: { otherwise: 'continuous', periods: [{ days: [1, 2], fromMinute: 60, toMinute: 180, mode: 'events' }] } },
    });
  });

  it('paints by the pointer, and takes ready-made schedules', async () => {
    await open();
    await act(() => byTestId('brush-off').click());
    await act(() => {
      cell(3, 4).dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, button: 0, buttons: 1 }));
      cell(4, 6).dispatchEvent(new PointerEvent('pointerenter', { buttons: 1 }));
      window.dispatchEvent(new PointerEvent('pointerup'));
      cell(6, 20).dispatchEvent(new PointerEvent('pointerenter', { buttons: 1 }));
    });
    expect(document.querySelectorAll('[data-mode=off]')).toHaveLength(6);
    await act(() => byTestId('preset-nights').click());
    await act(() => byTestId('schedule-save').click());
    expect(lastArgs('cameras.update')).toMatchObject({ recording: { schedule: { otherwise: 'events' } } });
  });

  it('says at its field what is wrong, and keeps what is typed', async () => {
    await open();
    const input = byTestId('pre-roll') as HTMLInputElement;
    await act(() => {
      input.value = '31';
      input.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await act(() => byTestId('around-save').click());
    expect(byTestId('pre-roll-error').textContent).toContain('0 to 30');
    expect(lastArgs('cameras.update')).toBeUndefined();
    await act(() => {
      input.value = '8';
      input.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await act(() => byTestId('around-save').click());
    expect(lastArgs('cameras.update')).toEqual({
      id: 'cam-aaaaaaaa',
      recording: { preRollS: 8, postRollS: 15, segmentS: 60, motion: DEFAULT_RECORDING.motion },
    });
  });

  it('records now for as long as was chosen', async () => {
    await open();
    await act(() => byTestId('panel-record-now').click());
    expect(lastArgs('recording.now')).toEqual({ camera: 'cam-aaaaaaaa', minutes: 15 });
  });

  it('claims nothing while the engine does not answer', async () => {
    await open(fakeCamera(), false);
    expect(byTestId('recording-panel').textContent).toContain('does not answer');
    expect(document.querySelector('[data-testid=recording-now]')).toBeNull();
  });
});

describe('how a camera is recorded now, in words', () => {
  const NOW = utcMs(Date.UTC(2026, 10, 24, 9, 30));
  const ago = (minutes: number) => utcMs(NOW - minutes * 60_000);
  const words = (now: Partial<RecordingNow>) => nowSentence(fakeCamera({ recordingNow: { ...ALWAYS_RECORDED, ...now } }), NOW, 'UTC');

  it('says the mode, what happened last, and what a person wants', () => {
    const watching = { state: 'watching', text: '' } as const;
    expect(words({})).toBe('Records all the time.');
    expect(words({ mode: 'off' })).toBe('Not recorded at this time.');
    expect(words({ mode: 'events', detector: watching })).toBe('Records around events: nothing has moved yet.');
    expect(words({ mode: 'events', detector: watching, lastEvent: { kind: 'motion', from: ago(3), to: ago(2) } })).toBe(
      'Records around events: last motion 2 min ago.',
    );
    expect(words({ mode: 'events', lastEvent: { kind: 'front-doorbell', from: ago(0), to: ago(0) } })).toBe(
      'Records around events: last front doorbell just now.',
    );
    expect(words({ mode: 'events', lastEvent: { kind: 'motion', from: ago(3), to: null } })).toBe('Records around events: motion now.');
    expect(words({ mode: 'events', detector: { state: 'unhealthy', text: 'Everything is recorded.' } })).toBe('Everything is recorded.');
    expect(words({ mode: 'off', manual: { until: null } })).toBe('Records until you cancel it.');
    expect(words({ manual: { until: utcMs(NOW + 600_000) } })).toMatch(/^Records until 0?9:40.*, as you asked\.$/);
  });

  it('tells apart the two times that clocks show twice', () => {
    const until = (hour: number) =>
      nowSentence(
        fakeCamera({ recordingNow: { ...ALWAYS_RECORDED, manual: { until: utcMs(Date.UTC(2026, 9, 25, hour, 30)) } } }),
        NOW,
        'Europe/Berlin',
      );
    expect(until(0)).not.toBe(until(1));
  });

  it('says when the schedule changes, with the day when that is not today', () => {
    const next = (minutes: number) =>
      nextSentence({ recordingNow: { ...ALWAYS_RECORDED, next: { at: utcMs(NOW + minutes * 60_000), mode: 'events' } } }, NOW, 'UTC');
    expect(next(30)).toMatch(/^Around events from 10:00/);
    expect(next(24 * 60)).toMatch(/Wed/);
    expect(nextSentence({ recordingNow: ALWAYS_RECORDED }, NOW, 'UTC')).toBeNull();
  });
});

describe('the clock of a schedule', () => {
  it('is told where it is not that of the browser', async () => {
    await open(fakeCamera(), true, 'Asia/Tokyo');
    expect(byTestId('schedule-clock').textContent).toMatch(/computer that records \(UTC, now \d/);
    await unmount(panel!);
    document.body.replaceChildren();
    await open(fakeCamera(), true, 'Etc/UTC');
    expect(document.querySelector('[data-testid=schedule-clock]')).toBeNull();
  });

  it('is the same in zones of other names, and another one where only the summers differ', () => {
    const winter = utcMs(Date.UTC(2026, 0, 15));
    expect(scheduleClock('Europe/Vienna', 'Europe/Berlin', winter)).toBeNull();
    expect(scheduleClock('Europe/Berlin', 'Africa/Lagos', winter)).toContain('Europe/Berlin, now');
    expect(scheduleClock('Moon/Base', 'UTC', winter)).toContain('Moon/Base');
  });
});
