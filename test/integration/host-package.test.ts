import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { extractAll, listPackage } from '@electron/asar';
import { getCurrentFuseWire } from '@electron/fuses';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, root } from '../../scripts/build.ts';
import { launchChromium } from '../fakes/chromium.ts';
import { Program } from '../fakes/program.ts';
import { launchStandin } from '../standin/launch.ts';

/**
 * The package as electron-builder makes it, around a made-up Electron: its program is a file with nothing but the fuses in
 * it. What is inside is checked, and run: as the browser host under Node, and as the app under the stand-in.
 */

let folder = '';
let resources = '';
let files: string[] = [];
let app = '';

async function madeUpElectron(): Promise<string> {
  const path = join(folder, 'electron');
  await mkdir(join(path, 'locales'), { recursive: true });
  await mkdir(join(path, 'resources'));
  const fuses = Buffer.concat([Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX'), Buffer.from([1, 9]), Buffer.from('1'.repeat(9))]);
  await writeFile(join(path, 'electron'), Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(1024), fuses, Buffer.alloc(1024)]), {
    mode: 0o755,
  });
  await writeFile(join(path, 'version'), '45.4.1');
  const others = ['resources.pak', 'chrome_100_percent.pak', 'chrome_200_percent.pak', 'icudtl.dat', 'LICENSE', 'LICENSES.chromium.html'];
  for (const name of [...others, 'locales/en-US.pak']) await writeFile(join(path, name), '');
  return path;
}

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('the package', () => {
  beforeAll(async () => {
    await ensureBuilt('all');
    folder = await mkdtemp(join(tmpdir(), 'keyhole-package-'));
    const builder = join(root, 'node_modules', 'electron-builder', 'cli.js');
    const args = ['--linux', 'dir', `-c.electronDist=${await madeUpElectron()}`, `-c.directories.output=${join(folder, 'out')}`];
    await promisify(execFile)(process.execPath, [builder, ...args], { cwd: root });
    resources = join(folder, 'out', 'linux-unpacked', 'resources');
    files = listPackage(join(resources, 'app.asar'), { isPack: false });
    app = join(folder, 'app');
    extractAll(join(resources, 'app.asar'), app);
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('holds what runs, and nothing that only builds', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        '/package.json',
        '/dist/node/main.js',
        '/dist/node/engine.js',
        '/dist/node/storage-worker.js',
        '/dist/node/keyhole.js',
      ]),
    );
    expect(files).toEqual(
      expect.arrayContaining(['/dist/page/index.html', '/dist/preload/preload.cjs', '/node_modules/werift/package.json']),
    );
    const unwanted =
      /^\/node_modules\/(node-(linux|win|darwin|bin)-|electron|vite|svelte|typescript|@playwright)|\.map$|\.ts$|^\/(test|docs|electron|renderer)\b/;
    expect(files.filter((file) => unwanted.test(file))).toEqual([]);
    const engines = files.filter((file) => file.endsWith('.node'));
    expect(engines).toEqual(['/node_modules/better-sqlite3/prebuilds/linux-x64.node']);
  });

  it('keeps outside of the archive what cannot be run from inside', async () => {
    const unpacked = join(resources, 'app.asar.unpacked', 'node_modules');
    expect((await stat(join(unpacked, 'better-sqlite3/prebuilds/linux-x64.node'))).size).toBeGreaterThan(1e6);
    expect((await stat(join(unpacked, '@ffmpeg-installer/linux-x64/ffmpeg'))).mode & 0o111).toBeGreaterThan(0);
    expect(await readdir(join(resources, 'demo'))).toContain('pedestrians.mp4');
  });

  it('has the fuses set', async () => {
    const wire = await getCurrentFuseWire(join(folder, 'out', 'linux-unpacked', 'keyhole'));
    const state = (fuse: number) => String.fromCharCode(wire[fuse as keyof typeof wire] as number);
    // RunAsNode, cookie encryption, NODE_OPTIONS, --inspect, asar integrity, only from asar, own V8 snapshot, file privileges.
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(state)).toEqual(['0', '1', '0', '0', '1', '1', '0', '0']);
  });

  it('runs as the browser host under Node', async () => {
    const command = [process.execPath, join(app, 'dist/node/keyhole.js')];
    const serve = new Program(['serve', '--port', '0', '--data', join(folder, 'data')], { command });
    try {
      const { url, token } = await serve.event('listening');
      const page = await fetch(new URL('/', String(url)), { headers: { authorization: `Bearer ${String(token)}` } });
      expect(await page.text()).toContain('<title>Keyhole</title>');
    } finally {
      expect(await serve.stop()).toBe(0);
    }
  });

  it('runs as the app, and carries the command', async () => {
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      const main = join(app, 'dist/node/main.js');
      const standin = await launchStandin({ dataDir: join(folder, 'app-data'), page, main, env: { STANDIN_PACKED: '1' } });
      await page.getByText('No cameras yet').waitFor();
      expect(await standin.close()).toBe(0);

      const register = new URL('../standin/register.ts', import.meta.url).href;
      const { stdout } = await promisify(execFile)(process.execPath, ['--import', register, main, 'version'], {
        env: { ...process.env, STANDIN_PACKED: '1' },
      });
      expect(stdout).toMatch(/^keyhole \d+\.\d+\.\d+\n$/);
    } finally {
      await browser.close();
    }
  });
});
