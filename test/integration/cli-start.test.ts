import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Program } from '../fakes/program.ts';

/** `npm start` where Electron has no window: one line that says why, and the same app in a browser. */

const script = fileURLToPath(new URL('../../scripts/start.ts', import.meta.url));
const programs: Program[] = [];
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhole-start-'));
});
afterEach(async () => {
  for (const program of programs.splice(0)) await program.kill();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function start(env: Record<string, string>, ...args: string[]): Program {
  const program = new Program(args, { command: [process.execPath, script], env: { CI: '1', DISPLAY: '', WAYLAND_DISPLAY: '', ...env } });
  programs.push(program);
  return program;
}

describe('npm start', () => {
  it('opens in a browser where there is no display, and ends with 0', async () => {
    const program = start({}, '--data', join(folder, 'data'));
    const link = String((await program.event('listening')).link);
    expect(program.log.split('\n')[0]).toBe('Keyhole opens in a browser, not in Electron: there is no display.');
    await expect.poll(() => program.log).toContain(`Keyhole is open at ${link}`);
    const page = await fetch(link, { redirect: 'manual' });
    expect([page.status, page.headers.get('location')]).toEqual([303, '/']);
    expect(await program.stop('SIGINT')).toBe(0);
  });

  it('takes a free port when its own is in use, unless it was told which', async () => {
    const other = createServer().listen(8484, '127.0.0.1');
    try {
      await new Promise((resolve) => other.once('listening', resolve).once('error', resolve));
      const free = start({}, '--data', join(folder, 'port'));
      expect(new URL(String((await free.event('listening')).url)).port).not.toBe('8484');
      expect(free.log).toContain('Port 8484 is in use; a free one is taken.');
      expect(await free.stop()).toBe(0);
      const told = start({}, '--data', join(folder, 'port'), '--port', '8484');
      expect(await told.exited).toBe(1);
    } finally {
      other.close();
    }
  });

  it('falls back when Electron does not start', async (context) => {
    if (process.platform !== 'linux' || process.getuid?.() === 0)
      return context.skip('Electron is not even tried as root, or by this test elsewhere');
    const program = start({ DISPLAY: ':9', ELECTRON_OVERRIDE_DIST_PATH: join(folder, 'none') }, '--data', join(folder, 'fallback'));
    await program.event('listening');
    expect(program.log).toMatch(/^Keyhole opens in a browser, not in Electron: Electron failed to start \(.*ENOENT\)\.$/m);
    expect(await program.stop()).toBe(0);
  });

  it('refuses bad flags before anything else', async () => {
    const program = start({}, '--frobnicate');
    expect(await program.exited).toBe(2);
    expect(program.log).toMatch(/^keyhole: .*--frobnicate/);
  });
});
