import { flushSync, mount, unmount } from 'svelte';
import { afterEach, describe, expect, it } from 'vitest';
import type { Camera, PathReport } from '../../electron/contract/model.ts';
import { AppState } from '../state/app-state.ts';
import { fakeCamera } from '../state/fake-camera.ts';
import { FakeEngine, settle } from '../state/fake-engine.ts';
import { fakePath } from '../state/fake-path.ts';
import FakeApp from '../state/FakeApp.svelte';
import ConnectionPanel from './ConnectionPanel.svelte';

const relayed: Partial<PathReport> = {
  path: { kind: 'relay', local: '198.51.100.1:1', remote: '198.51.100.2:2', rttMs: 60, lossPct: 0.5 },
  relayedBytesMonth: 4_000_000_000,
  why: 'Both routers are symmetric.',
  advice: ['Switch on UPnP.'],
  pairs: [
    {
      local: '10.0.0.2:1',
      localKind: 'host',
      remote: '10.9.0.2:2',
      remoteKind: 'host',
      protocol: 'udp',
      state: 'failed',
      nominated: false,
      rttMs: null,
    },
  ],
};
const budget = { kind: 'budget', bytesPerMonth: 5_000_000_000 } as const;

let panel: ReturnType<typeof mount> | undefined;
let engine: FakeEngine;
let closed = 0;

async function open(report: PathReport, camera: Camera = fakeCamera(), known = true): Promise<void> {
  engine = new FakeEngine({ 'cameras.list': () => [camera], 'cameras.path': () => report });
  const screens = { open: () => ({ element: document.createElement('video'), pause: () => {}, resume: () => {}, close: () => {} }) };
  const app = new AppState(engine.source, screens, { getItem: () => null, setItem: () => {} });
  const props = { camera, known, zone: 'UTC', onclose: () => void (closed += 1) };
  panel = mount(FakeApp<typeof props>, { target: document.body, props: { app, of: ConnectionPanel, props } });
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

const all = (testid: string) => [...document.querySelectorAll<HTMLElement>(`[data-testid=${testid}]`)];
function one(testid: string): HTMLElement {
  const found = all(testid)[0];
  if (!found) throw new Error(`nothing with data-testid=${testid}`);
  return found;
}
async function act(run: () => void): Promise<void> {
  run();
  await settle();
  flushSync();
}
function type(testid: string, text: string): void {
  const input = one(testid) as HTMLInputElement;
  input.value = text;
  input.dispatchEvent(new Event('input', { bubbles: true }));
}

describe('the connection panel', () => {
  it('says why, what would help, what was tried, and what the relay has cost', async () => {
    await open(fakePath(relayed), fakeCamera({ relay: budget }));
    expect(one('path-now').dataset['kind']).toBe('relay');
    expect(one('path-why').textContent).toBe('Both routers are symmetric.');
    expect(one('path-advice').textContent).toContain('Switch on UPnP.');
    expect(one('pair-table').textContent).toContain('No answer');
    expect(one('relay-used').textContent).toMatch(/4\.0 GB\s+of 5\.0 GB/);
    expect(one('path-history').getAttribute('aria-label')).toContain('Direct, 24 h');
    await act(() => one('close-connection').click());
    expect(closed).toBe(1);
  });

  it('takes a limit for relays, says at its field what is wrong, and keeps what is typed', async () => {
    await open(fakePath());
    await act(() => one('relay-budget').click());
    type('relay-gigabytes', 'many');
    await act(() => one('relay-save').click());
    expect(one('relay-fault').textContent).toContain('gigabytes');
    expect(one('relay-gigabytes').getAttribute('aria-invalid')).toBe('true');
    engine.answers['cameras.update'] = () => {
      throw new Error('The disk is full.');
    };
    type('relay-gigabytes', '2,5');
    await act(() => one('relay-save').click());
    expect(one('relay-fault').textContent).toContain('The disk is full.');
    expect((one('relay-gigabytes') as HTMLInputElement).value).toBe('2,5');
    engine.answers['cameras.update'] = () => fakeCamera({ relay: { kind: 'budget', bytesPerMonth: 2_500_000_000 } });
    await act(() => one('relay-save').click());
    expect(all('relay-fault')).toHaveLength(0);
    expect(engine.calls.findLast(({ name }) => name === 'cameras.update')?.args).toEqual({
      id: 'cam-aaaaaaaa',
      relay: { kind: 'budget', bytesPerMonth: 2_500_000_000 },
    });
    expect(one('relay-saved').textContent).toBe('Saved');
  });

  it('says that the camera sends its smaller picture, and why', async () => {
    await open(fakePath(), fakeCamera({ quality: { stream: 'sub', reason: 'The uplink carries 300 kbit/s.', estimateKbps: 300 } }));
    expect(one('sub-stream-notice').textContent).toContain('300 kbit/s');
  });

  it('of an RTSP camera says nothing of relays', async () => {
    const source = { kind: 'rtsp', url: 'rtsp://10.0.0.5/live', hasPassword: false } as const;
    await open(fakePath({ path: { kind: 'rtsp', local: '', remote: '10.0.0.5:554', rttMs: null, lossPct: null } }), fakeCamera({ source }));
    expect(one('path-now').textContent).toContain('RTSP');
    expect(all('relay-form')).toHaveLength(0);
  });

  it('claims nothing while the engine does not answer', async () => {
    await open(fakePath(), fakeCamera(), false);
    expect(all('path-now')).toHaveLength(0);
    expect(one('connection-panel').textContent).toContain('does not answer');
  });
});
