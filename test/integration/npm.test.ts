import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Program } from '../fakes/program.ts';

const cwd = fileURLToPath(new URL('../..', import.meta.url));

it.skipIf(process.platform === 'win32')('`npm run keyhole -- …` ends cleanly when npm is told to end, as scripts do', async () => {
  const flags = ['--port', '0', '--stun-port', '0', '--bind', '127.0.0.1'];
  const npm = new Program(['rendezvous', ...flags], { command: ['npm', 'run', 'keyhole', '--'], cwd });
  try {
    await npm.event('listening');
  } finally {
    expect(await npm.stop()).toBe(0);
  }
});
