import { flushSync, mount, unmount } from 'svelte';
import { expect, it } from 'vitest';
import { AppState } from '../state/app-state.ts';
import { fakeCamera } from '../state/fake-camera.ts';
import { FakeEngine, settle } from '../state/fake-engine.ts';
import { fakePath } from '../state/fake-path.ts';
import FakeApp from '../state/FakeApp.svelte';
import ConnectionPanel from './ConnectionPanel.svelte';

it('keeps a limit that is being typed while the engine is away', async () => {
  const engine = new FakeEngine({ 'cameras.list': () => [], 'cameras.path': () => fakePath() });
  const screens = { open: () => ({ element: document.createElement('video'), pause: () => {}, resume: () => {}, close: () => {} }) };
  const app = new AppState(engine.source, screens, { getItem: () => null, setItem: () => {} });
  const camera = fakeCamera({ relay: { kind: 'budget', bytesPerMonth: 5_000_000_000 } });
  const props = $state({ camera, known: true, zone: 'UTC', onclose: () => {} });
  const panel = mount(FakeApp<typeof props>, { target: document.body, props: { app, of: ConnectionPanel, props } });
  app.link.start();
  await settle();
  flushSync();
  const input = document.querySelector('[data-testid=relay-gigabytes]') as HTMLInputElement;
  input.value = '2,5';
  input.dispatchEvent(new Event('input', { bubbles: true }));
  for (const known of [false, true]) {
    props.known = known;
    flushSync();
    expect(input.closest('section')?.hidden).toBe(!known);
  }
  expect(input.isConnected).toBe(true);
  expect(input.value).toBe('2,5');
  await unmount(panel);
});
