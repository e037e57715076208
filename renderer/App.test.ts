import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { utcMs, type Camera } from '../electron/contract/model.ts';
import App from './App.svelte';
import type { LiveListener, LiveScreens } from './player/live-pool.ts';
import { AppState } from './state/app-state.ts';
import { fakeCamera } from './state/fake-camera.ts';
import { FakeEngine, settle } from './state/fake-engine.ts';
import { fakeNatReport, fakePath } from './state/fake-path.ts';

/** Screens that show nothing and tell what they were asked for. */
class FakeScreens implements LiveScreens {
  readonly opened: { camera: string; listener: LiveListener; closed: boolean; paused: boolean }[] = [];

  open(camera: string, listener: LiveListener) {
    const one = { camera, listener, closed: false, paused: false };
    this.opened.push(one);
    return {
      element: document.createElement('video'),
      pause: () => void (one.paused = true),
      resume: () => void (one.paused = false),
      close: () => void (one.closed = true),
    };
  }

  showing(): string[] {
    return this.opened.filter(({ closed }) => !closed).map(({ camera }) => camera);
  }
}

const cameras = Array.from({ length: 6 }, (_, i) =>
  fakeCamera({ id: `cam-aaaaaaa${'abcdef'[i]}`, name: `Camera ${i + 1}`, createdAt: utcMs(i) }),
);
let page: ReturnType<typeof mount> | undefined;
let screens: FakeScreens;
let engine: FakeEngine;

async function open(list: readonly Camera[], answers: Record<string, (args: never) => unknown> = {}): Promise<AppState> {
  engine = new FakeEngine({ 'cameras.list': () => list, ...answers });
  screens = new FakeScreens();
  const app = new AppState(engine.source, screens, { getItem: () => null, setItem: () => {} });
  page = mount(App, { target: document.body, props: { app } });
  app.link.start();
  await settle();
  flushSync();
  return app;
}

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
  const input = one(testid);
  if (!(input instanceof HTMLInputElement)) throw new Error(`${testid} is not an input`);
  input.value = text;
  input.dispatchEvent(new Event('input', { bubbles: true }));
}

beforeEach(() => (location.hash = ''));
afterEach(async () => {
  if (page) await unmount(page);
  page = undefined;
  document.body.replaceChildren();
});

describe('the wall', () => {
  it('invites to add a camera when there is none, and not before the engine has answered', async () => {
    await open([]);
    expect(all('empty-wall')).toHaveLength(1);
    await act(() => one('add-first-camera').click());
    expect(all('add-camera-dialog')).toHaveLength(1);
  });

  it('streams only the cameras of the page that is shown', async () => {
    const app = await open(cameras);
    expect(all('tile')).toHaveLength(4);
    expect(screens.showing()).toEqual(cameras.slice(0, 4).map(({ id }) => id));
    await act(() => one('wall-pages').querySelector<HTMLElement>('[aria-label="Next page"]')?.click());
    expect(screens.showing()).toEqual(cameras.slice(4).map(({ id }) => id));
    await act(() => (app.preferences.wallSize = 9));
    expect(screens.showing()).toHaveLength(6);
  });

  it('does not begin a stream anew because the camera’s figures changed', async () => {
    await open(cameras);
    const [first] = cameras;
    if (!first?.path) throw new Error('no camera');
    for (const rttMs of [4, 5, 6]) {
      const camera = { ...first, path: { ...first.path, rttMs } };
      await act(() => engine.tell('events', { kind: 'camera.changed', camera }));
    }
    expect(one('tile-path').textContent).toContain('6 ms');
    expect(screens.opened).toHaveLength(4);
  });

  it('says live only when pictures arrive, and gives each its time', async () => {
    await open(cameras.slice(0, 1));
    expect(one('tile').dataset['state']).toBe('starting');
    await act(() => {
      screens.opened[0]?.listener.started();
      screens.opened[0]?.listener.painted(utcMs(123));
    });
    expect(one('tile').dataset).toMatchObject({ state: 'live', paintedAt: '123', name: 'Camera 1' });
    expect(one('tile-path').textContent).toContain('Direct · 3 ms');
    expect(one('tile-recording').dataset['recording']).toBe('true');
  });

  it('believes the screen before the worker’s word, and neither once the stream has ended', async () => {
    await open(cameras.slice(0, 1));
    const listener = screens.opened[0]?.listener;
    await act(() => listener?.painted(utcMs(123)));
    expect(one('tile').dataset['state']).toBe('live');
    await act(() => {
      listener?.ended(null);
      listener?.painted(utcMs(160));
    });
    expect(one('tile').dataset['state']).toBe('starting');
    await act(() => listener?.started());
    expect(one('tile').dataset['state']).toBe('live');
  });

  it('says in words why a tile is not live', async () => {
    await open([fakeCamera({ state: 'offline', path: null, reason: { code: 'peer-absent', text: 'Not at the rendezvous.' } })]);
    expect(one('tile-words').textContent).toContain('Not at the rendezvous.');
    expect(one('tile').textContent).toContain('Front door');
  });

  it('claims nothing about the cameras while the engine does not answer', async () => {
    await open(cameras.slice(0, 1));
    engine.breakConnection();
    flushSync();
    expect(all('reconnecting')).toHaveLength(1);
    expect(one('tile-recording').dataset['recording']).toBe('false');
    expect(all('tile-path')).toHaveLength(0);
    await vi.waitFor(() => {
      flushSync();
      expect(all('reconnecting')).toHaveLength(0);
    });
  });
});

describe('adding a camera', () => {
  it('shows the engine’s words beside the field, and keeps what was typed', async () => {
    await open([], {
      'cameras.add': () => {
        throw new Error('This invite was used already.');
      },
    });
    await act(() => one('add-camera').click());
    type('add-address', 'keyhole:abc');
    await act(() => one('add-submit').click());
    expect(one('add-address-error').textContent).toContain('used already');
    expect((one('add-address') as HTMLInputElement).value).toBe('keyhole:abc');
    expect(one('add-address').getAttribute('aria-invalid')).toBe('true');
    await act(() => type('add-address', 'keyhole:abcd'));
    expect(all('add-address-error')).toHaveLength(0);
  });

  it('asks for user and password only where they have a meaning, and sends them', async () => {
    await open([], { 'cameras.add': () => fakeCamera() });
    await act(() => one('add-camera').click());
    expect(all('add-username')).toHaveLength(0);
    await act(() => type('add-address', 'rtsp://10.0.0.5/live'));
    type('add-username', 'anna');
    type('add-password', 'secret');
    type('add-name', ' Gate ');
    await act(() => one('add-submit').click());
    expect(engine.calls.find(({ name }) => name === 'cameras.add')?.args).toEqual({
      source: { kind: 'rtsp', url: 'rtsp://10.0.0.5/live', username: 'anna', password: 'secret' },
      name: 'Gate',
    });
    expect(all('add-camera-dialog')).toHaveLength(0);
    expect(all('tile')).toHaveLength(1);
  });
});

describe('adding a camera by hand', () => {
  const offer = { ticket: 'ticket-1', offer: 'keyhole-offer:abc', qr: ['101', '010', '111'] };

  function typeAnswer(text: string): void {
    const area = one('by-hand-answer') as HTMLTextAreaElement;
    area.value = text;
    area.dispatchEvent(new Event('input', { bubbles: true }));
  }

  it('makes an offer of the invite, takes the answer, and shows the camera', async () => {
    await open([], { 'cameras.offerByHand': () => offer, 'cameras.answerByHand': () => fakeCamera() });
    await act(() => one('add-camera').click());
    await act(() => one('by-hand-toggle').click());
    expect(all('add-submit')).toHaveLength(0);
    await act(() => one('by-hand-make').click());
    expect(one('add-address-error').textContent).toContain('invite');
    await act(() => type('add-address', ' keyhole:abc '));
    type('add-name', 'Gate');
    await act(() => one('by-hand-make').click());
    expect(engine.calls.at(-1)?.args).toEqual({ invite: 'keyhole:abc' });
    expect((one('by-hand-offer') as HTMLTextAreaElement).value).toBe('keyhole-offer:abc');
    expect(one('by-hand-qr').querySelector('path')?.getAttribute('d')).toBe('M4 4h1v1h-1zM6 4h1v1h-1zM5 5h1v1h-1zM4 6h3v1h-3z');
    await act(() => one('by-hand-connect').click());
    expect(one('by-hand-answer-error').textContent).toContain('keyhole-answer:');
    typeAnswer(' keyhole-answer:xyz ');
    await act(() => one('by-hand-connect').click());
    expect(engine.calls.find(({ name }) => name === 'cameras.answerByHand')?.args).toEqual({
      ticket: 'ticket-1',
      answer: 'keyhole-answer:xyz',
      name: 'Gate',
    });
    expect(all('add-camera-dialog')).toHaveLength(0);
    expect(all('tile')).toHaveLength(1);
  });

  it('keeps the offer and the answer when the answer is wrong, and says why', async () => {
    await open([], {
      'cameras.offerByHand': () => offer,
      'cameras.answerByHand': () => {
        throw new Error('This answer is to another offer.');
      },
    });
    await act(() => one('add-camera').click());
    await act(() => one('by-hand-toggle').click());
    await act(() => type('add-address', 'keyhole:abc'));
    await act(() => one('by-hand-make').click());
    typeAnswer('keyhole-answer:xyz');
    await act(() => one('by-hand-connect').click());
    expect(one('by-hand-answer-error').textContent).toContain('another offer');
    expect((one('by-hand-answer') as HTMLTextAreaElement).value).toBe('keyhole-answer:xyz');
    expect((one('by-hand-offer') as HTMLTextAreaElement).value).toBe('keyhole-offer:abc');
  });
});

async function goTo(hash: string): Promise<void> {
  await act(() => {
    location.hash = hash;
    window.dispatchEvent(new HashChangeEvent('hashchange'));
  });
}

const settings = { punch: { enabled: true, probes: 1024, perSecond: 500, seconds: 10 }, portMapping: true };

describe('how a camera is reached', () => {
  const relay = { kind: 'relay', local: '198.51.100.1:1', remote: '198.51.100.2:2', rttMs: 60, lossPct: 0.5 } as const;

  it('stands on the tile in a word, beside LAN and the smaller picture where it is so', async () => {
    const sub = { stream: 'sub', reason: 'The uplink carries 300 kbit/s.', estimateKbps: 300 } as const;
    await open([fakeCamera({ quality: sub }), fakeCamera({ id: 'cam-bbbbbbbb', createdAt: utcMs(2), path: relay })]);
    expect(all('tile-path').map(({ dataset }) => dataset['path'])).toEqual(['Direct', 'Relayed']);
    expect(one('tile-path').title).toBe('Direct, in the same network');
    expect(all('tile-lan')).toHaveLength(1);
    expect(all('tile-sub-stream').map(({ title }) => title)).toEqual([sub.reason]);
  });
});

describe('the network page', () => {
  it('shows what was observed, beside what it means for one’s cameras', async () => {
    await open([fakeCamera()], {
      'cameras.path': () => fakePath({ why: 'Direct: the routers let it through.' }),
      'nat.report': () => fakeNatReport(),
      'nat.settings': () => settings,
    });
    await goTo('#/network');
    expect(one('nat-summary').textContent).toContain('Nearly all cameras will be direct');
    expect(one('nat-facts').textContent).toMatch(/Port-restricted cone.*Endpoint-independent.*203\.0\.113\.5/s);
    expect(one('mapping-table').textContent).toContain('203.0.113.5:5000');
    expect(one('router-table').textContent).toContain('UPnP-IGD');
    expect(one('camera-way').textContent).toMatch(/Front door.*Direct · 3 ms.*the routers let it through/s);
  });

  it('says when nobody has looked, and looks when asked to', async () => {
    await open([], { 'nat.settings': () => settings, 'nat.refresh': () => fakeNatReport() });
    await goTo('#/network');
    expect(one('nat-summary').textContent).toContain('Nobody has looked yet');
    expect(all('mapping-table')).toHaveLength(0);
    await act(() => one('nat-refresh').click());
    expect(all('mapping-table')).toHaveLength(1);
    expect(one('nat-refresh').textContent).toContain('Look again');
  });

  it('takes the budget for finding a direct way, and says at its field what is wrong', async () => {
    await open([], { 'nat.settings': () => settings, 'nat.configure': (args) => args });
    await goTo('#/network');
    type('nat-probes', '5000');
    await act(() => one('nat-save').click());
    expect(one('nat-probes-error').textContent).toContain('1024');
    type('nat-probes', '300');
    await act(() => one('nat-save').click());
    expect(engine.calls.find(({ name }) => name === 'nat.configure')?.args).toEqual({
      punch: { ...settings.punch, probes: 300 },
      portMapping: true,
    });
    expect(one('nat-saved').textContent).toContain('Saved');
  });
});

describe('settings', () => {
  it('tell about this Keyhole and change the theme at once', async () => {
    await open([], {
      'app.info': () => ({
        version: '1.2.3',
        host: 'browser',
        dataDir: '/data',
        ffmpeg: null,
        disk: { freeBytes: 25e9, totalBytes: 100e9 },
        notices: ['Repaired.'],
        fingerprint: 'AAAA-BBBB',
        timeZone: 'UTC',
      }),
    });
    await goTo('#/settings');
    expect(one('app-info').textContent).toMatch(/1\.2\.3.*\/data.*25\.0 GB free of 100 GB.*nothing can be recorded.*AAAA-BBBB/s);
    expect(one('app-notice').textContent).toContain('Repaired.');
    await act(() => one('theme-light').click());
    expect(document.documentElement.dataset['theme']).toBe('light');
  });
});
