import { cp, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from '@playwright/test';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, root } from '../../scripts/build.ts';
import { launchChromium } from '../fakes/chromium.ts';
import { processesNaming } from '../fakes/processes.ts';
import { launchStandin, type Standin } from '../standin/launch.ts';

/**
 * The built main and preload under the stand-in for Electron. First that all is well, then that each of the faults which
 * would show only in real Electron is noticed: a check that cannot fail proves nothing.
 */

let browser: Browser;
let folder = '';
const standins: Standin[] = [];
const copies: string[] = [];

beforeAll(async () => {
  await ensureBuilt('all');
  browser = await launchChromium();
  folder = await mkdtemp(join(tmpdir(), 'keyhole-standin-'));
});
afterEach(async () => {
  await Promise.all(standins.splice(0).map((standin) => standin.close()));
  for (const context of browser.contexts()) await context.close();
});
afterAll(async () => {
  await browser.close();
  for (const copy of [folder, ...copies]) await rm(copy, { recursive: true, force: true });
});

async function launch(
  main?: string,
  env: Record<string, string> = {},
  dataDir = join(folder, `data-${standins.length}-${copies.length}`),
): Promise<Standin> {
  const page = await browser.newPage();
  const standin = await launchStandin({ dataDir, page, env, ...(main === undefined ? {} : { main }) });
  standins.push(standin);
  return standin;
}

/** In the page: asks the engine through a port of its own. */
async function askEngine(page: Page): Promise<string> {
  return page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        const late = setTimeout(() => resolve('no answer'), 3000);
        const say = (text: string) => {
          clearTimeout(late);
          resolve(text);
        };
        const id = window.keyhole?.openPort();
        if (id === undefined) return say('no bridge');
        window.addEventListener('message', ({ data, ports: [port] }: MessageEvent<{ keyhole?: string; id?: number }>) => {
          if (data.keyhole !== 'port' || data.id !== id || !port) return;
          port.onmessage = (event: MessageEvent<{ value?: { host?: string } }>) => say(event.data.value?.host ?? 'no host');
          port.postMessage({ t: 'call', id: 1, name: 'app.info', args: {} });
        });
      }),
  );
}

/** What is wrong with a running app, by name; nothing when all is well. */
async function faultsOf(standin: Standin): Promise<string[]> {
  const { page } = standin;
  const ask: Standin['ask'] = (what) => standin.ask(what);
  const faults: string[] = [];
  if ((await askEngine(page)) !== 'electron') faults.push('engine');
  const home = page.url();
  await page.evaluate(() => void (location.href = 'http://127.0.0.1:9/elsewhere')).catch(() => {});
  if ((await ask({ what: 'navigate', url: 'http://127.0.0.1:9/elsewhere' })) === true || page.url() !== home) faults.push('navigation');
  if ((await ask({ what: 'window-open', url: 'http://127.0.0.1:9/' })) !== 'deny') faults.push('windows');
  for (const permission of ['media', 'geolocation', 'notifications', 'midi', 'clipboard-read', 'openExternal']) {
    const { requested, checked, device } = (await ask({ what: 'permission', permission, url: 'app://ui/' })) as Record<string, boolean>;
    if (requested || checked || device) faults.push('permissions');
  }
  const facts = (await ask({ what: 'facts' })) as { sandboxed: boolean; webPreferences: Record<string, unknown> };
  const { contextIsolation, sandbox, nodeIntegration, webviewTag } = facts.webPreferences;
  if (!facts.sandboxed || !contextIsolation || !sandbox || nodeIntegration || webviewTag) faults.push('sandbox');
  return [...new Set(faults)];
}

describe('the desktop app under the stand-in', () => {
  it('shows the page, joins it to the engine and holds its locks; quits with 0', async () => {
    const standin = await launch();
    expect(await standin.page.title()).toBe('Keyhole');
    expect(await faultsOf(standin)).toEqual([]);
    expect(await standin.ask({ what: 'permission', permission: 'fullscreen', url: 'app://ui/' })).toMatchObject({
      requested: true,
      checked: true,
    });
    expect(await standin.ask({ what: 'permission', permission: 'fullscreen', url: 'https://evil.example/' })).toMatchObject({
      requested: false,
      checked: false,
    });
    expect(await standin.close()).toBe(0);
  });

  it('goes on recording when its window is closed, says so once, and comes back from the tray', async () => {
    const standin = await launch();
    const facts = async () => (await standin.ask({ what: 'facts' })) as { trays: number; notifications: string[] };
    for (let closed = 0; closed < 2; closed += 1) {
      await standin.ask({ what: 'close-window' });
      expect(await facts()).toMatchObject({ trays: 1, notifications: ['Keyhole keeps recording'] });
      const reopened = standin.page.waitForEvent('load');
      await standin.ask({ what: 'tray', entry: 'Open Keyhole' });
      await reopened;
      expect(await askEngine(standin.page)).toBe('electron');
    }
    await standin.ask({ what: 'close-window' });
    void standin.ask({ what: 'tray', entry: 'Quit and stop recording' });
    expect(await standin.close()).toBe(0);
  });

  it('ends with its window where there is no tray', async () => {
    const standin = await launch(undefined, { STANDIN_NO_TRAY: '1' });
    void standin.ask({ what: 'close-window' });
    expect(await standin.close()).toBe(0);
  });

  it('serves only its page’s files, with the policy', async () => {
    const { page } = await launch();
    const seen = await page.evaluate(async () => {
      const ask = async (path: string) => {
        const response = await fetch(path);
        return { status: response.status, policy: response.headers.get('content-security-policy') };
      };
      return { page: await ask('/'), outside: await ask('/..%2fnode%2fmain.js'), missing: await ask('/nothing.js') };
    });
    expect(seen.page.status).toBe(200);
    expect(seen.page.policy).toMatch(/^default-src 'none'; .*connect-src 'self';/);
    expect([seen.outside.status, seen.missing.status]).toEqual([404, 404]);
    // Inline scripts, which an injection would need, do not run.
    const ran = await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.injected = true';
      document.body.append(script);
      return 'injected' in window;
    });
    expect(ran).toBe(false);
  });

  it('gives ports to nobody but its own page', async () => {
    const standin = await launch();
    const count = () => standin.log.filter((line) => line.includes('is ignored')).length;
    for (const from of ['https://evil.example/', 'app://evil/', 'app://ui.evil.example/', '']) {
      const before = count();
      await standin.ask({ what: 'ipc', channel: 'keyhole:open-port', from, args: [1] });
      await expect.poll(count).toBe(before + 1);
    }
    await standin.ask({ what: 'ipc', channel: 'keyhole:open-port', from: 'app://ui/', args: ['1'] });
    await expect.poll(count).toBe(5);
  });

  it('keeps the data key in the keychain where there is one, else in a file', async () => {
    const withKeychain = join(folder, 'keychain');
    await launch(undefined, { STANDIN_KEYCHAIN: 'gnome_libsecret' }, withKeychain);
    expect((await readdir(withKeychain)).filter((name) => /^key(\.safe)?$/.test(name))).toEqual(['key.safe']);
    const without = join(folder, 'no-keychain');
    await launch(undefined, {}, without);
    expect((await readdir(without)).filter((name) => /^key(\.safe)?$/.test(name))).toEqual(['key']);
    expect((await stat(join(without, 'key'))).mode & 0o777).toBe(0o600);
  });
});

describe('a fault of the glue is noticed', () => {
  /** A copy of the build with one text replaced, in the one file that has it. */
  async function broken(from: RegExp, to: string): Promise<string> {
    const copy = await mkdtemp(join(root, 'dist', 'fault-'));
    copies.push(copy);
    await cp(join(root, 'dist', 'page'), join(copy, 'page'), { recursive: true });
    let hits = 0;
    for (const part of ['node', 'preload']) {
      await cp(join(root, 'dist', part), join(copy, part), { recursive: true });
      for (const name of (await readdir(join(copy, part))).filter((file) => /\.c?js$/.test(file))) {
        const text = await readFile(join(copy, part, name), 'utf8');
        if (!from.test(text)) continue;
        hits += 1;
        await writeFile(join(copy, part, name), text.replace(from, to));
      }
    }
    expect(hits).toBe(1);
    return join(copy, 'node', 'main.js');
  }

  it.each([
    ['a preload that wants Node', /^let electron = require\("electron"\);/, 'let electron = require("electron"); require("fs");', 'engine'],
    ['a channel that main does not listen on', /ipcMain\.on\(OPEN_PORT/, 'ipcMain.on("keyhole:open-ports"', 'engine'],
    ['a missing lock on navigation', /contents\.on\("will-navigate", stay\);/, '', 'navigation'],
    ['a missing lock on windows', /\{ action: "deny" \}/, '{ action: "allow" }', 'windows'],
    ['one permission too many', /new Set\(\["fullscreen"\]\)/, 'new Set(["fullscreen", "media"])', 'permissions'],
    ['a check of permissions that is left out', /session\.setPermissionCheckHandler\(/, '(() => {})(', 'permissions'],
    ['a page outside of the sandbox', /sandbox: true/, 'sandbox: false', 'sandbox'],
    ['a port that is exposed by the bridge itself', /return ports;\n\} \}\);/, 'return new MessageChannel().port1;\n} });', 'engine'],
    ['a port that is not handed to the engine', /port \? \[port\] : \[\]/, '[]', 'engine'],
  ])('%s', async (_what, from, to, fault) => {
    const standin = await launch(await broken(from, to));
    const faults = await faultsOf(standin).catch((error: unknown) => [String(error).includes('cloned') ? 'engine' : String(error)]);
    expect(faults).toEqual([fault]);
  });

  it('a preload that is not where main says', async () => {
    const main = await broken(/\.\.\/preload\/preload\.cjs/, '../preload.cjs');
    await expect(launch(main)).rejects.toThrow(/ENOENT/);
    if (process.platform === 'linux') expect(await processesNaming(main)).toEqual([]);
  });

  it('bytes that are transferred to a port which takes none', async () => {
    // electron#34905; shows as an engine that dies at its first frame.
    const main = await broken(/postMessage\(withOwnBytes\(message\)\)/, 'postMessage(message, [new ArrayBuffer(1)])');
    const standin = await launch(main);
    expect(await faultsOf(standin)).toContain('engine');
  });
});
