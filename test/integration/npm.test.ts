import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

it.skipIf(process.platform === 'win32')('`npm run keyhole -- …` ends cleanly when npm is told to end, as scripts do', async () => {
  const flags = ['--port', '0', '--stun-port', '0', '--bind', '127.0.0.1'];
  const npm = spawn('npm', ['run', 'keyhole', '--', 'rendezvous', ...flags], { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<number | null>((resolve) => npm.once('exit', resolve));
  const listening = new Promise<void>((resolve) => {
    createInterface({ input: npm.stdout }).on('line', (line) => {
      if (line.startsWith('{"event":"listening"')) resolve();
    });
  });
  await Promise.race([listening, ended.then((code) => Promise.reject(new Error(`npm ended with ${code}`)))]);
  npm.kill('SIGTERM');
  expect(await ended).toBe(0);
});
