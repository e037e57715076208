import { afterEach, beforeEach, expect, it } from 'vitest';
import { electronBinary, noWindowReason } from './electron.ts';

const before = process.env.ELECTRON_OVERRIDE_DIST_PATH;
beforeEach(() => {
  process.env.ELECTRON_OVERRIDE_DIST_PATH = '/no/such/folder';
});
afterEach(() => {
  if (before === undefined) delete process.env.ELECTRON_OVERRIDE_DIST_PATH;
  else process.env.ELECTRON_OVERRIDE_DIST_PATH = before;
});

it('knows where Electron has no window', () => {
  expect(noWindowReason('linux', {}, 1000)).toBe('there is no display');
  expect(noWindowReason('linux', { DISPLAY: ':0' }, 0)).toBe('Electron does not run as root');
  expect(noWindowReason('linux', { DISPLAY: ':0' }, 1000)).toBeNull();
  expect(noWindowReason('linux', { WAYLAND_DISPLAY: 'wayland-0' }, 1000)).toBeNull();
  expect(noWindowReason('darwin', {}, 501)).toBeNull();
  expect(noWindowReason('win32', {}, undefined)).toBeNull();
});

it('takes a named Electron at its word, so that a wrong one fails rather than being passed over', () => {
  expect(electronBinary()).toMatch(/^\/no\/such\/folder\/electron/);
});
