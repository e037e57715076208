import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** `npm start` where Electron has no window: one line that says why, and the same app in a browser. */

const script = fileURLToPath(new URL('../../scripts/start.ts', import.meta.url));
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhole-start-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function start(env: Record<string, string>, ...args: string[]) {
  const child = spawn(process.execPath, [script, ...args], { env: { ...process.env, CI: '1', DISPLAY: '', WAYLAND_DISPLAY: '', ...env } });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const listening = new Promise<{ url: string; link: string }>((resolve, reject) => {
    createInterface(child.stdout).once('line', (line) => resolve(JSON.parse(line) as { url: string; link: string }));
    void ended.then((code) => reject(new Error(`ended with ${code}: ${stderr}`)));
  });
  listening.catch(() => {});
  return { child, ended, listening, text: () => stderr };
}

describe('npm start', () => {
  it('opens in a browser where there is no display, and ends with 0', async () => {
    const { child, ended, listening, text } = start({}, '--data', join(folder, 'data'));
    const { link } = await listening;
    expect(text().split('\n')[0]).toBe('Keyhole opens in a browser, not in Electron: there is no display.');
    await expect.poll(text).toContain(`Keyhole is open at ${link}`);
    const page = await fetch(link, { redirect: 'manual' });
    expect([page.status, page.headers.get('location')]).toEqual([303, '/']);
    child.kill('SIGINT');
    expect(await ended).toBe(0);
  });

  it('takes a free port when its own is in use, unless it was told which', async () => {
    const other = createServer().listen(8484, '127.0.0.1');
    try {
      await new Promise((resolve) => other.once('listening', resolve).once('error', resolve));
      const free = start({}, '--data', join(folder, 'port'));
      expect(new URL((await free.listening).url).port).not.toBe('8484');
      expect(free.text()).toContain('Port 8484 is in use; a free one is taken.');
      free.child.kill('SIGTERM');
      expect(await free.ended).toBe(0);
      const told = start({}, '--data', join(folder, 'port'), '--port', '8484');
      expect(await told.ended).toBe(1);
    } finally {
      other.close();
    }
  });

  it('falls back when Electron does not start', async (context) => {
    if (process.platform !== 'linux' || process.getuid?.() === 0)
      return context.skip('Electron is not even tried as root, or by this test elsewhere');
    const { child, ended, listening, text } = start(
      { DISPLAY: ':9', ELECTRON_OVERRIDE_DIST_PATH: join(folder, 'none') },
      '--data',
      join(folder, 'fallback'),
    );
    await listening;
    expect(text()).toMatch(/^Keyhole opens in a browser, not in Electron: Electron failed to start \(.*ENOENT\)\.$/m);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('refuses bad flags before anything else', async () => {
    const { ended, text } = start({}, '--frobnicate');
    expect(await ended).toBe(2);
    expect(text()).toMatch(/^keyhole: .*--frobnicate/);
  });
});
