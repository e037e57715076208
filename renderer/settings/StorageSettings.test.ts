import { flushSync, mount, unmount } from 'svelte';
import { afterEach, expect, it } from 'vitest';
import { AppState } from '../state/app-state.ts';
import { FakeEngine, settle } from '../state/fake-engine.ts';
import FakeApp from '../state/FakeApp.svelte';
import StorageSettings from './StorageSettings.svelte';

const folder = (key: number) => ({
  key,
  path: `/mnt/disk${key}`,
  state: 'ok',
  text: null,
  freeBytes: 500e9,
  totalBytes: 2000e9,
  floorBytes: 10e9,
  recordingBytes: 0,
  segments: 0,
  oldest: null,
});

let view: ReturnType<typeof mount> | undefined;

async function open(answers: ConstructorParameters<typeof FakeEngine>[0]): Promise<FakeEngine> {
  const engine = new FakeEngine({ 'cameras.list': () => [], 'storage.folders': () => [folder(0), folder(1)], ...answers });
  const screens = { open: () => ({ element: document.createElement('video'), pause: () => {}, resume: () => {}, close: () => {} }) };
  const app = new AppState(engine.source, screens, { getItem: () => null, setItem: () => {} });
  view = mount(FakeApp<Record<string, never>>, { target: document.body, props: { app, of: StorageSettings, props: {} } });
  app.link.start();
  await settle();
  flushSync();
  return engine;
}

afterEach(async () => {
  if (view) await unmount(view);
  view = undefined;
  document.body.replaceChildren();
});

const find = (testid: string) => document.querySelector<HTMLElement>(`[data-testid=${testid}]`);

it('does not say what is kept free before the engine has', async () => {
  await open({
    'storage.settings': () => {
      throw new Error('Busy.');
    },
  });
  expect(find('storage-folders')).not.toBeNull();
  expect(find('floor-save')).toBeNull();
});

it('says what is kept free, and gives the focus back when a folder is kept after all', async () => {
  await open({ 'storage.settings': () => ({ floor: { percent: 7 } }) });
  expect((find('floor-amount') as HTMLInputElement).value).toBe('7');
  const remove = find('storage-remove');
  remove?.click();
  flushSync();
  find('storage-keep')?.click();
  await settle();
  flushSync();
  expect(find('storage-remove-yes')).toBeNull();
  expect(document.activeElement).toBe(remove);
});

it('claims nothing of a folder while the engine does not answer', async () => {
  const engine = await open({ 'storage.settings': () => ({ floor: null }) });
  expect(find('storage-state')?.textContent).toBe('In use');
  engine.breakConnection();
  flushSync();
  expect(find('storage-state')?.textContent).toBe('–');
});
