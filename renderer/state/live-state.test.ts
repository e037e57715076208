import { describe, expect, it } from 'vitest';
import { fakeCamera } from './fake-camera.ts';
import { STALLED_MS } from './live-picture.svelte.ts';
import { liveState } from './live-state.ts';

const showing = (silent: number | null) => ({ started: silent !== null, unsupported: null, ended: null, silentFor: () => silent });

describe('liveState', () => {
  it('is live only while pictures arrive on the screen', () => {
    expect(liveState(fakeCamera(), showing(40), 0).state).toBe('live');
    expect(liveState(fakeCamera(), showing(null), 0).state).toBe('starting');
  });

  it('calls a picture that stands still by its name, whatever the camera says', () => {
    const stalled = liveState(fakeCamera(), showing(STALLED_MS + 2000), 0);
    expect(stalled.state).toBe('stalled');
    expect(stalled.text).toContain('7 s');
  });

  it.each(['offline', 'connecting'] as const)('gives the engine’s reason when %s', (state) => {
    const camera = fakeCamera({ state, reason: { code: 'peer-absent', text: 'Not at the rendezvous.' } });
    expect(liveState(camera, showing(40), 0)).toMatchObject({ state, text: 'Not at the rendezvous.' });
  });

  it('says why this window cannot show it', () => {
    const picture = { ...showing(null), unsupported: 'No H.265 here.' };
    expect(liveState(fakeCamera(), picture, 0)).toMatchObject({ state: 'unsupported', text: 'No H.265 here.' });
  });
});
