import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import { AppState } from '../state/app-state.ts';
import { fakeCamera } from '../state/fake-camera.ts';
import { FakeEngine } from '../state/fake-engine.ts';
import FakeApp from '../state/FakeApp.svelte';
import ExportDialog from './ExportDialog.svelte';

const from = utcMs(Date.UTC(2026, 10, 23, 9));
const to = utcMs(from + 60_000);
const plan = { parts: [{ from, to, bytes: 3_000_000 }], recordedMs: 60_000, missingMs: 0 };
const CHUNK = { kind: 'chunk' } as const;

let engine: FakeEngine;
let dialog: ReturnType<typeof mount> | undefined;
let closed = 0;
const props = $state({ camera: fakeCamera(), zone: 'UTC', from, to, onclose: () => void (closed += 1) });

async function pass(ms = 300): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  flushSync();
}

async function open(): Promise<void> {
  engine = new FakeEngine({
    'cameras.list': () => [],
    'recordings.exportPlan': () => plan,
    'app.info': () => ({ fingerprint: 'AAAA', host: 'browser' }),
  });
  const screens = { open: () => ({ element: document.createElement('video'), pause: () => {}, resume: () => {}, close: () => {} }) };
  const app = new AppState(engine.source, screens, { getItem: () => null, setItem: () => {} });
  app.link.start();
  await pass();
  dialog = mount(FakeApp<typeof props>, { target: document.body, props: { app, of: ExportDialog, props } });
  await pass();
}

beforeEach(() => {
  closed = 0;
  vi.useFakeTimers();
});
afterEach(async () => {
  if (dialog) await unmount(dialog);
  dialog = undefined;
  document.body.replaceChildren();
  vi.useRealTimers();
});

function one(testid: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(`[data-testid=${testid}]`);
  if (!found) throw new Error(`nothing with data-testid=${testid}`);
  return found;
}
const asked = () => engine.calls.filter(({ name }) => name === 'recordings.exportPlan').length;

describe('the export dialog', () => {
  it('knows what it will be and how far it is, however often the camera tells of itself meanwhile', async () => {
    await open();
    expect(one('export-plan').textContent).toContain('One file');
    one('export-start').click();
    await pass();
    engine.tell('clip', CHUNK, new Uint8Array(1_500_000));
    props.camera = fakeCamera({ recording: false });
    await pass();
    expect(asked()).toBe(1);
    expect(one('export-progress').textContent).toBe('1.5 MB of about 3.0 MB');
    engine.end('clip');
    await pass();
    expect(one('export-done').textContent).toContain('Saved: 1.5 MB');
    expect(one('export-fingerprint').textContent).toBe('AAAA');
    expect(document.activeElement).toBe(one('export-close'));
  });

  it('leaves no stream behind when it is stopped or goes away', async () => {
    await open();
    one('export-start').click();
    await pass();
    one('export-stop').click();
    await pass();
    expect(engine.closed).toEqual(['clip']);
    expect(one('export-plan').textContent).toContain('One file');

    one('export-start').click();
    await pass();
    await unmount(dialog!);
    dialog = undefined;
    expect(engine.closed).toEqual(['clip', 'clip']);
  });

  it('is ended by nothing but its own button while it runs, and the focus is where the person goes on', async () => {
    await open();
    one('export-start').click();
    await pass();
    expect(document.activeElement).toBe(one('export-stop'));
    expect(document.getElementById(one('export-stop').getAttribute('aria-describedby') ?? '')?.textContent).toContain('stays open');
    const escape = () => new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true });
    for (const from of [document.body, one('export-proof'), document.body]) {
      one('export-stop').blur();
      const pressed = escape();
      from.dispatchEvent(pressed);
      // Else the browser would close the dialog by itself.
      expect(pressed.defaultPrevented).toBe(true);
      expect(document.activeElement).toBe(one('export-stop'));
    }
    one('export-dialog').dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));
    expect(document.querySelector<HTMLButtonElement>('[aria-label=Close]')?.disabled).toBe(true);
    expect([closed, engine.closed]).toEqual([0, []]);

    one('export-stop').click();
    await pass();
    expect(document.activeElement).toBe(one('export-start'));
    document.body.dispatchEvent(escape());
    expect(closed).toBe(1);
  });

  it('is not ended by the key that began it and is still held, nor unasked by a page that is left', async () => {
    await open();
    const left = () => new Event('beforeunload', { cancelable: true });
    const before = left();
    window.dispatchEvent(before);
    expect(before.defaultPrevented).toBe(false);
    one('export-start').click();
    await pass();
    for (const repeat of [true, false]) {
      const pressed = new KeyboardEvent('keydown', { key: 'Enter', repeat, bubbles: true, cancelable: true });
      one('export-stop').dispatchEvent(pressed);
      expect(pressed.defaultPrevented).toBe(repeat);
    }
    const during = left();
    window.dispatchEvent(during);
    expect(during.defaultPrevented).toBe(true);
  });

  it('opens nothing when it is stopped before the engine is back', async () => {
    await open();
    engine.breakConnection();
    one('export-start').click();
    flushSync();
    one('export-stop').click();
    await pass(2_000);
    expect(engine.opened('clip')).toBe(false);
    expect(closed).toBe(0);
  });

  it('is tried again by the same button after it failed', async () => {
    await open();
    one('export-start').click();
    await pass();
    engine.breakConnection();
    await pass(50);
    expect(one('export-error').textContent).toContain('engine');
    await pass(2_000);
    expect(one('export-plan').textContent).toContain('One file');
    expect((one('export-start') as HTMLButtonElement).disabled).toBe(false);
  });
});
