import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { useCompileCache } from './scripts/compile-cache.ts';

/** No test says anything on the networks of this machine, unless in one it made itself. Programs that it starts inherit this. */
process.env.KEYHOLE_LAN ??= 'off';
// Nor is the router of the machine that runs the tests asked for anything.
process.env.KEYHOLE_GATEWAY ??= 'off';
useCompileCache();

/** Real networks and real time, on machines that others use too: what fails by chance is tried once more, and said to have been. */
const retry = process.env.CI ? 1 : 0;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{electron,peer,camera,rendezvous,cli,scripts,test/fakes}/**/*.test.ts', 'test/*.test.ts'],
          environment: 'node',
          // Some try a hundred thousand inputs, on whatever machine.
          testTimeout: 60_000,
        },
      },
      {
        plugins: [svelte({ configFile: false })],
        resolve: { conditions: ['browser'] },
        test: { name: 'page', include: ['renderer/**/*.test.ts'], environment: 'happy-dom' },
      },
      {
        test: {
          name: 'integration',
          globalSetup: 'test/provide-ffmpeg.ts',
          include: ['test/{integration,faults}/**/*.test.ts'],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Real peers, ffmpeg and browsers share two cores: one file at a time, and nothing else meanwhile.
          fileParallelism: false,
          retry,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'natlab',
          globalSetup: 'test/provide-ffmpeg.ts',
          include: ['test/natlab/**/*.test.ts'],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 90_000,
          fileParallelism: false,
          retry,
          // It measures how long things take: when all else is done.
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
