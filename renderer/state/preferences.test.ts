import { describe, expect, it } from 'vitest';
import { Preferences, type KeptValues } from './preferences.svelte.ts';

function kept(values: Record<string, string> = {}): KeptValues & { readonly values: Record<string, string> } {
  return { values, getItem: (name) => values[name] ?? null, setItem: (name, value) => void (values[name] = value) };
}

describe('Preferences', () => {
  it('begin with the system’s theme and four tiles', () => {
    expect(new Preferences(kept())).toMatchObject({ theme: 'system', wallSize: 4 });
  });

  it('are there again the next time', () => {
    const store = kept();
    const first = new Preferences(store);
    first.theme = 'light';
    first.wallSize = 16;
    expect(new Preferences(store)).toMatchObject({ theme: 'light', wallSize: 16 });
  });

  it('ignore what they do not know', () => {
    expect(new Preferences(kept({ 'keyhole.theme': 'pink', 'keyhole.wall-size': '5' }))).toMatchObject({ theme: 'system', wallSize: 4 });
  });

  it('hold for this window where nothing can be kept', () => {
    const forbidden = () => {
      throw new Error('forbidden');
    };
    const preferences = new Preferences({ getItem: forbidden, setItem: forbidden });
    preferences.wallSize = 9;
    expect(preferences.wallSize).toBe(9);
  });
});
