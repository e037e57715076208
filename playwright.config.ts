import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';
import { useCompileCache } from './scripts/compile-cache.ts';

/** Debian's Chromium where there is one: it decodes H.264, which Playwright's own build may not. */
const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path));

/** No test says anything on the networks of this machine, unless in one it made itself. Programs that it starts inherit this. */
process.env.KEYHOLE_LAN ??= 'off';
// Nor is the router of the machine that runs the tests asked for anything.
process.env.KEYHOLE_GATEWAY ??= 'off';
useCompileCache();

export default defineConfig({
  testDir: 'test/e2e',
  globalSetup: './test/provide-ffmpeg.ts',
  testMatch: '**/*.spec.ts',
  timeout: 90_000,
  expect: { timeout: 20_000 },
  workers: 1,
  fullyParallel: false,
  forbidOnly: !!process.env.CI,
  // Real browsers and real time on two cores: what fails by chance is tried once more, and said to have been.
  retries: process.env.CI ? 1 : 0,
  reporter: [['list']],
  use: {
    viewport: { width: 1280, height: 800 },
    launchOptions: {
      ...(executablePath ? { executablePath } : {}),
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: [{ name: 'browser' }, { name: 'standin' }, { name: 'electron' }],
});
