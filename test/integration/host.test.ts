import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createLog, silentLog } from '../../electron/base/log.ts';
import { BrowserHost } from '../../electron/host/browser-host.ts';
import { MAX_CONNECTIONS } from '../../electron/host/contract-socket.ts';
import { loadKeyFile } from '../../electron/host/key-file.ts';
import { HostFixture, scriptedEngine } from './host-fixture.ts';

let host: HostFixture;
let cookie = '';
const sockets: WebSocket[] = [];

beforeAll(async () => {
  host = await HostFixture.start();
  cookie = await host.cookie();
});
afterAll(() => host.close());
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
});

describe('who is let in', () => {
  it('turns the link into a cookie that page scripts cannot read', async () => {
    let next = '';
    host.host.onLink.on((url) => (next = url));
    const token = new URL(host.host.link).search;
    // The link of this host was used in beforeAll; a used link lets nobody in.
    expect((await host.ask('GET', `/${token}`, {})).status).toBe(401);
    const bearerOnce = await host.ask('GET', `/?token=${host.host.token}`, {});
    expect([bearerOnce.status, bearerOnce.headers.location]).toEqual([303, '/']);
    expect(bearerOnce.headers['set-cookie']?.[0]).toMatch(/^keyhole-\d+=\d+\.[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    expect((await host.ask('GET', `/?token=${host.host.token}`, {})).status).toBe(401);
    // …while the header works on, and a new link was printed.
    expect((await host.ask('GET', '/api/v1/cameras')).status).toBe(200);
    expect(await host.cookie(next)).toMatch(/^keyhole-/);
  });

  it('opens the page with the cookie, and a used link as well', async () => {
    expect((await host.ask('GET', '/', { cookie })).body).toContain('<title>page</title>');
    const again = await host.ask('GET', `/${new URL(host.host.link).search}`, { cookie });
    expect([again.status, again.headers['set-cookie']]).toEqual([303, undefined]);
  });

  it.each([
    ['nothing', {}],
    ['a wrong token', { authorization: 'Bearer wrong' }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['the token as a password', { authorization: 'Basic OnRva2Vu' }],
    ['a made-up cookie', { cookie: 'keyhole-1=9999999999999.AAAA' }],
  ])('refuses %s', async (_what, headers) => {
    for (const path of ['/api/v1/cameras', '/metrics', '/assets/app-1a2b.js', '/']) {
      const answer = await host.ask('GET', path, headers);
      expect([path, answer.status]).toEqual([path, 401]);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
    }
  });

  it('refuses a cookie whose end was moved or whose time is over', async () => {
    const [name = '', value = ''] = cookie.split('=');
    const [expires = '', signature = ''] = value.split('.');
    for (const forged of [`${Number(expires) + 1}.${signature}`, `1000000000000.${signature}`, `${expires}.`, `${expires}`]) {
      expect((await host.ask('GET', '/api/v1/cameras', { cookie: `${name}=${forged}` })).status).toBe(401);
    }
    expect((await host.ask('GET', '/api/v1/cameras', { cookie })).status).toBe(200);
  });

  it.each(['evil.example', 'evil.example:8484', '127.0.0.1.evil.example', '192.168.1.5'])(
    'refuses the host name %j, which DNS rebinding would send',
    async (name) => {
      expect((await host.ask('GET', '/api/v1/cameras', { ...host.bearer, host: name })).status).toBe(403);
      expect((await host.ask('GET', '/healthz', { host: name })).status).toBe(403);
    },
  );

  it('is reached by every name of this machine for itself, at any forwarded port', async () => {
    for (const name of ['localhost', '127.0.0.1:9000', '[::1]:1234', 'LOCALHOST:80']) {
      expect((await host.ask('GET', '/healthz', { host: name })).status).toBe(200);
    }
  });

  it.each(['http://evil.example', 'null', 'http://127.0.0.1:1', 'https://127.0.0.1', 'app://ui'])(
    'refuses the origin %s',
    async (origin) => {
      expect((await host.ask('GET', '/api/v1/cameras', { ...host.bearer, origin })).status).toBe(403);
      const posted = await host.json('POST', '/api/v1/cameras', { source: { kind: 'p2p', invite: 'keyhole:good' } }, { cookie, origin });
      expect(posted.status).toBe(403);
    },
  );

  it('does not take the cookie from a page of another port, which is the same site', async () => {
    expect((await host.ask('GET', '/api/v1/cameras', { cookie, 'sec-fetch-site': 'same-site' })).status).toBe(401);
    expect((await host.ask('GET', '/api/v1/cameras', { cookie, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
  });

  it('brings a browser back to itself when a link from elsewhere made it withhold the cookie', async () => {
    const door = await host.ask('GET', '/', { 'accept': 'text/html', 'sec-fetch-site': 'cross-site' });
    expect(door.body).toContain('http-equiv="refresh"');
    expect((await host.ask('GET', '/', { 'accept': 'text/html', 'sec-fetch-site': 'none' })).body).not.toContain('http-equiv="refresh"');
  });
});

describe('the page', () => {
  it('comes with the policy that allows nothing else', async () => {
    const page = await host.ask('GET', '/', { cookie });
    expect(page.headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob: mediastream:; " +
        `connect-src 'self' ws://127.0.0.1:${host.port}; worker-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    expect(page.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-cache',
      'content-type': 'text/html; charset=utf-8',
    });
    const asset = await host.ask('GET', '/assets/app-1a2b.js', { cookie });
    expect(asset.headers['cache-control']).toContain('immutable');
    expect(asset.headers['content-type']).toContain('text/javascript');
  });

  it.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/..%5csecret.txt',
    '/%2e%2e%2f%2e%2e%2fsecret.txt%00.js',
    '/assets',
    '/index.html/x.js',
    '/%ff',
    '/C:/secret.txt',
  ])('keeps %s inside its folder', async (path) => {
    const answer = await host.ask('GET', path);
    expect(answer.status).toBe(404);
    expect(answer.body).not.toContain('TOP SECRET');
  });

  it('refuses a request target that is not a path', async () => {
    expect((await host.ask('GET', '//evil.example/')).status).toBe(400);
    expect((await host.ask('GET', 'http://evil.example/')).status).toBe(400);
    for (const target of ['/\\evil.example/', '/\\[']) expect((await host.ask('GET', target)).status).toBe(400);
  });
});

describe('the WebSocket', () => {
  function open(headers: Record<string, string>, path = '/api/v1/contract'): Promise<WebSocket | number> {
    const socket = new WebSocket(`ws://127.0.0.1:${host.port}${path}`, { headers });
    sockets.push(socket);
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(socket));
      socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
      socket.once('error', reject);
    });
  }

  async function opened(): Promise<WebSocket> {
    const socket = await open({ cookie, origin: host.origin });
    if (typeof socket === 'number') throw new Error(`refused with ${socket}`);
    return socket;
  }

  const closed = (socket: WebSocket) => new Promise<number>((resolve) => socket.once('close', resolve));

  it('joins the page to the engine', async () => {
    const socket = await opened();
    const reply = new Promise<string>((resolve) => socket.once('message', (data: Buffer) => resolve(data.toString('utf8'))));
    socket.send(JSON.stringify({ t: 'call', id: 7, name: 'metrics', args: {} }));
    expect(JSON.parse(await reply)).toEqual({ t: 'reply', id: 7, value: 'keyhole_test 1\n' });
  });

  it('carries bytes as binary frames', async () => {
    const socket = await opened();
    const frame = new Promise<Buffer>((resolve) => socket.once('message', (data: Buffer, isBinary) => isBinary && resolve(data)));
    socket.send(JSON.stringify({ t: 'open', id: 1, name: 'clip', args: { camera: 'cam-aaaaaaaa', from: 1000, to: 2000 }, credit: 1 }));
    expect((await frame).length).toBeGreaterThan(65_536);
  });

  it('lets scripts in by token without an origin, and pages by cookie only from our own', async () => {
    expect(await open(host.bearer)).toBeInstanceOf(WebSocket);
    expect(await open({ cookie })).toBe(403);
    expect(await open({ cookie, origin: 'http://evil.example' })).toBe(403);
    expect(await open({ cookie, origin: `http://127.0.0.1:${host.port + 1}` })).toBe(403);
    expect(await open({ ...host.bearer, host: 'evil.example' })).toBe(403);
    expect(await open({ origin: host.origin })).toBe(401);
    expect(await open(host.bearer, '/api/v1/other')).toBe(404);
  });

  it.each([
    ['text that is not JSON', 'nonsense'],
    ['a message that is not of the contract', '{"t":"reply"}'],
    ['bytes', new Uint8Array([0, 0, 0, 2, 123, 125])],
    ['more than a megabyte', 'x'.repeat(1024 * 1024 + 1)],
  ])('closes a connection that sends %s', async (_what, data) => {
    const socket = await opened();
    const gone = closed(socket);
    socket.send(data);
    expect(await gone).toBeGreaterThan(1000);
  });

  it('holds a limited number of connections', async () => {
    await Promise.all(Array.from({ length: MAX_CONNECTIONS }, () => opened()));
    expect(await open(host.bearer)).toBe(503);
  });

  it('closes when the engine dies, and opens again by itself with the next engine', async () => {
    const socket = await opened();
    const gone = closed(socket);
    await host.json('POST', '/api/v1/cameras', { name: 'crash', source: { kind: 'p2p', invite: 'keyhole:good' } });
    expect(await gone).toBe(1012);
    expect(await open(host.bearer)).toBeInstanceOf(WebSocket);
  });
});

describe('the data folder', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyhole-data-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('gets one key, for its owner only, whoever starts first', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadKeyFile(folder)));
    expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1);
    expect((await stat(join(folder, 'key'))).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['key']);
    await chmod(join(folder, 'key'), 0o644);
    expect(await loadKeyFile(folder)).toEqual(keys[0]);
    expect((await stat(join(folder, 'key'))).mode & 0o777).toBe(0o600);
  });

  it('is not opened with half a key', async () => {
    const damaged = join(folder, 'damaged');
    await mkdir(damaged);
    await writeFile(join(damaged, 'key'), 'short');
    await expect(loadKeyFile(damaged)).rejects.toMatchObject({ code: 'key-unavailable' });
    expect(await readFile(join(damaged, 'key'), 'utf8')).toBe('short');
  });

  it('lets a browser stay in across a restart', async () => {
    const first = await HostFixture.start({ folder: join(folder, 'kept') });
    const [, value = ''] = (await first.cookie()).split('=');
    await first.host.close();
    const second = await HostFixture.start({ folder: join(folder, 'kept') });
    try {
      expect((await second.ask('GET', '/api/v1/cameras', { cookie: `keyhole-${second.port}=${value}` })).status).toBe(200);
    } finally {
      await second.close();
    }
  });

  it('says so when others can read the token that is kept in a file, and never says the token', async () => {
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'a-token-of-some-length\n', { mode: 0o600 });
    for (const [mode, warned] of [
      [0o600, false],
      [0o644, true],
    ] as const) {
      await chmod(tokenFile, mode);
      const lines: string[] = [];
      const log = createLog('test', { write: (line) => lines.push(line) });
      const dataDir = join(folder, 'with-token');
      const started = await BrowserHost.start({ dataDir, port: 0, bind: '127.0.0.1', tokenFile, log, spawn: scriptedEngine });
      await started.close();
      expect(lines.some((line) => line.includes('chmod 600'))).toBe(warned);
      expect(lines.join()).not.toContain('a-token-of-some-length');
    }
  });

  it('of a newer version is left alone, with the engine’s reason', async () => {
    const start = BrowserHost.start({ dataDir: join(folder, 'newer'), port: 0, bind: '127.0.0.1', log: silentLog, spawn: scriptedEngine });
    await expect(start).rejects.toMatchObject({ code: 'database-newer' });
  });
});
