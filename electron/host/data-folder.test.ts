import { expect, it } from 'vitest';
import { defaultDataFolder, defaultDemoFolder } from './data-folder.ts';

it('follows each system’s convention', () => {
  expect(defaultDataFolder('linux', {}, '/home/ann')).toBe('/home/ann/.local/share/keyhole');
  expect(defaultDataFolder('linux', { XDG_DATA_HOME: '/data' }, '/home/ann')).toBe('/data/keyhole');
  expect(defaultDataFolder('linux', { XDG_DATA_HOME: '' }, '/home/ann')).toBe('/home/ann/.local/share/keyhole');
  expect(defaultDataFolder('darwin', {}, '/Users/ann')).toBe('/Users/ann/Library/Application Support/Keyhole');
  expect(defaultDataFolder('win32', { APPDATA: '/ann/Roaming' }, '/ann')).toBe('/ann/Roaming/Keyhole');
  expect(defaultDemoFolder('linux', {}, '/home/ann')).toBe('/home/ann/.cache/keyhole-demo');
  expect(defaultDemoFolder('linux', { XDG_CACHE_HOME: '/cache' }, '/home/ann')).toBe('/cache/keyhole-demo');
  expect(defaultDemoFolder('darwin', {}, '/Users/ann')).toBe('/Users/ann/Library/Caches/keyhole-demo');
});
