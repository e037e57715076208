import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ArchiveStatus } from '../../electron/contract/archive.ts';
import { AppState } from '../state/app-state.ts';
import { FakeEngine } from '../state/fake-engine.ts';
import FakeApp from '../state/FakeApp.svelte';
import ArchiveSection from './ArchiveSection.svelte';

const settings = { target: { kind: 'folder', path: '/mnt/nas' }, rateKbps: null, keepDays: null, keepBytes: null };
const status: ArchiveStatus = {
  state: 'copying',
  error: null,
  waitingSegments: 0,
  waitingBytes: 0,
  rate: 0,
  segments: 0,
  bytes: 0,
  oldest: null,
  lastCopiedAt: null,
  restore: null,
};
const refuse = (why: string) => () => {
  throw new Error(why);
};

let section: ReturnType<typeof mount> | undefined;
let engine: FakeEngine;
let app: AppState;

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  flushSync();
}

async function open(answers: ConstructorParameters<typeof FakeEngine>[0]): Promise<void> {
  engine = new FakeEngine({ 'cameras.list': () => [], 'archive.settings': () => settings, 'archive.status': () => status, ...answers });
  const screens = { open: () => ({ element: document.createElement('video'), pause: () => {}, resume: () => {}, close: () => {} }) };
  app = new AppState(engine.source, screens, { getItem: () => null, setItem: () => {} });
  show();
  app.link.start();
  await pass(10);
}

const show = () =>
  (section = mount(FakeApp<Record<string, never>>, { target: document.body, props: { app, of: ArchiveSection, props: {} } }));

beforeEach(() => vi.useFakeTimers());
afterEach(async () => {
  if (section) await unmount(section);
  section = undefined;
  document.body.replaceChildren();
  vi.useRealTimers();
});

const find = (testid: string) => document.querySelector<HTMLElement>(`[data-testid=${testid}]`);

describe('the archive’s settings', () => {
  it('go on saying why what was asked for was refused, however often the status is looked at', async () => {
    await open({ 'archive.recovery': refuse('The key cannot be read.') });
    find('archive-show-recovery')?.click();
    await pass(10_000);
    expect(find('archive-refused')?.textContent).toContain('The key cannot be read.');
    engine.answers['archive.recovery'] = () => ({ text: 'KHA1-AAAA', folder: 'kh-1' });
    find('archive-show-recovery')?.click();
    await pass(10);
    expect(find('archive-refused')).toBeNull();
    expect(find('archive-recovery')?.textContent).toBe('KHA1-AAAA');
  });

  it('are asked for again where the first answer failed', async () => {
    await open({ 'archive.settings': refuse('Busy.') });
    expect(document.body.textContent).toContain('Busy.');
    engine.answers['archive.settings'] = () => settings;
    await pass(3_000);
    expect((find('archive-path') as HTMLInputElement).value).toBe('/mnt/nas');
    expect(document.body.textContent).not.toContain('Busy.');
  });

  it('keep what is typed when another page is looked at, but no secret', async () => {
    const s3 = { kind: 's3', endpoint: null, region: 'eu-1', bucket: 'footage', prefix: '', accessKeyId: 'AK', pathStyle: true };
    await open({ 'archive.settings': () => ({ ...settings, target: s3 }) });
    const type = (testid: string, text: string) => {
      const input = find(testid) as HTMLInputElement;
      input.value = text;
      input.dispatchEvent(new Event('input', { bubbles: true }));
      flushSync();
    };
    const values = () => ['archive-bucket', 'archive-secret'].map((testid) => (find(testid) as HTMLInputElement).value);
    expect(find('archive-said')?.textContent).toBe('');
    type('archive-bucket', 'other');
    type('archive-secret', 'hush');
    expect(find('archive-said')?.textContent).toBe('Not saved yet');
    await unmount(section!);
    show();
    await pass(10);
    expect(values()).toEqual(['other', '']);
  });

  it('claim nothing of the archive while the engine does not answer, and keep what is typed', async () => {
    await open({});
    const path = find('archive-path') as HTMLInputElement;
    path.value = '/mnt/other';
    path.dispatchEvent(new Event('input', { bubbles: true }));
    expect(find('archive-status')?.textContent).toContain('Everything is copied.');
    engine.breakConnection();
    flushSync();
    expect(find('archive-status')).toBeNull();
    await pass(5_000);
    expect(find('archive-status')).not.toBeNull();
    expect(path.value).toBe('/mnt/other');
    expect(path.isConnected).toBe(true);
  });
});
