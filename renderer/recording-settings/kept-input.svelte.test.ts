import { flushSync, mount, unmount } from 'svelte';
import { expect, it } from 'vitest';
import { AppState } from '../state/app-state.ts';
import { fakeCamera } from '../state/fake-camera.ts';
import { FakeEngine, settle } from '../state/fake-engine.ts';
import FakeApp from '../state/FakeApp.svelte';
import RecordingPanel from './RecordingPanel.svelte';

const find = (selector: string) => document.querySelector<HTMLElement>(selector);

it('keeps what is painted and typed while the engine is away, and when the panel is closed', async () => {
  const engine = new FakeEngine({ 'cameras.list': () => [] });
  const screens = { open: () => ({ element: document.createElement('video'), pause: () => {}, resume: () => {}, close: () => {} }) };
  const app = new AppState(engine.source, screens, { getItem: () => null, setItem: () => {} });
  const props = $state({ camera: fakeCamera(), known: true, zone: 'UTC', onclose: () => {} });
  const open = () => mount(FakeApp<typeof props>, { target: document.body, props: { app, of: RecordingPanel, props } });
  const shown = () => [find('[data-cell="0-0"]')?.dataset['mode'], (find('[data-testid=pre-roll]') as HTMLInputElement | null)?.value];
  let panel = open();
  app.link.start();
  await settle();
  flushSync();
  find('[data-cell="0-0"]')?.dispatchEvent(new KeyboardEvent('keydown', { key: ' ', bubbles: true }));
  const input = find('[data-testid=pre-roll]') as HTMLInputElement;
  input.value = '9';
  input.dispatchEvent(new Event('input', { bubbles: true }));
  flushSync();

  for (const known of [false, true]) {
    props.known = known;
    flushSync();
    expect(find('[data-testid=schedule-grid]')?.closest('section')?.hidden).toBe(!known);
  }
  expect(shown()).toEqual(['events', '9']);
  expect(find('[data-testid=around-saved]')?.textContent).toBe('Not saved yet');

  await unmount(panel);
  panel = open();
  flushSync();
  expect(shown()).toEqual(['events', '9']);
  find('[data-testid=schedule-undo]')?.click();
  find('[data-testid=around-undo]')?.click();
  flushSync();
  expect(shown()).toEqual(['continuous', '5']);
  await unmount(panel);
});
