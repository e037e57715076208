import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const entry = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const children: ChildProcessWithoutNullStreams[] = [];
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhole-cli-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function keyhole(...args: string[]): {
  child: ChildProcessWithoutNullStreams;
  ended: Promise<Ended>;
  event: Promise<Record<string, string>>;
} {
  const child = spawn(process.execPath, [entry, ...args]);
  children.push(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
  const event = new Promise<Record<string, string>>((resolve, reject) => {
    createInterface(child.stdout).once('line', (line) => {
      if (line.startsWith('{')) resolve(JSON.parse(line) as Record<string, string>);
    });
    void ended.then((end) => reject(new Error(`ended with ${end.code}: ${end.stderr}`)));
  });
  event.catch(() => {});
  return { child, ended, event };
}

describe('the keyhole command', () => {
  it('lists its commands, and only those there are', async () => {
    const { code, stdout, stderr } = await keyhole('help').ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/serve[^]*camera[^]*rendezvous[^]*help/);
    expect(stdout).not.toMatch(/doctor|verify|export/);
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
    expect((await keyhole('version').ended).stdout).toBe(`keyhole ${version}\n`);
  });

  it.each([
    ['an unknown command', ['frobnicate'], /no command "frobnicate"/],
    ['a name every object has', ['toString'], /no command "toString"/],
    ['an unknown flag', ['serve', '--frobnicate'], /--frobnicate/],
    ['a flag without its value', ['serve', '--port'], /--port/],
    ['a port that is none', ['serve', '--port', '70000'], /--port.*70000/],
    ['a port that is a word', ['serve', '--port', 'http'], /--port.*http/],
    ['a stray word', ['serve', 'now'], /now/],
    ['an empty data folder', ['serve', '--data', ''], /--data/],
    ['an unknown flag of the rendezvous', ['rendezvous', '--frobnicate'], /--frobnicate/],
  ])('refuses %s with exit code 2 and a clear line', async (_what, args, line) => {
    const { code, stdout, stderr } = await keyhole(...args).ended;
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.split('\n')[0]).toMatch(/^keyhole/);
    expect(stderr.split('\n')[0]).toMatch(line);
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});

describe('keyhole serve', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('says where it listens, and ends with 0 on %s', async (signal) => {
    const { child, ended, event } = keyhole('serve', '--port', '0', '--data', join(folder, signal));
    const listening = await event;
    expect(listening).toMatchObject({ event: 'listening' });
    expect(listening.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(listening.link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}$/);
    const origin = listening.url ?? '';
    const answer = await fetch(`${origin}/api/v1/cameras`, { headers: { authorization: `Bearer ${listening.token}` } });
    expect([answer.status, await answer.json()]).toEqual([200, []]);
    child.kill(signal);
    const end = await ended;
    expect([end.code, end.stdout.trim().split('\n').length]).toEqual([0, 1]);
    await expect(fetch(origin)).rejects.toThrow();
  });

  it('keeps the token of a token file', async () => {
    const file = join(folder, 'token');
    const start = () => keyhole('serve', '--port', '0', '--data', join(folder, 'with-token'), '--token-file', file);
    const first = start();
    const { token } = await first.event;
    first.child.kill('SIGTERM');
    await first.ended;
    expect((await readFile(file, 'utf8')).trim()).toBe(token);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await start().event).toMatchObject({ token });
    await writeFile(file, 'short\n');
    expect(await start().ended).toMatchObject({ code: 2, stderr: expect.stringMatching(/^keyhole serve: .*16 to 256/) as string });
  });

  it('ends with 1 and one line when the port is in use', async () => {
    const server: Server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const { code, stdout, stderr } = await keyhole('serve', '--port', String(port), '--data', join(folder, 'port')).ended;
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(new RegExp(`^keyhole serve: Port ${port} on 127\\.0\\.0\\.1 is in use[^\n]*\n$`));
    } finally {
      server.close();
    }
  });

  it('ends with 1 and one line when the data folder cannot be written', async () => {
    // A file in the folder's place: root, too, cannot write "inside" that.
    const blocked = join(folder, 'blocked');
    await writeFile(blocked, '');
    const { code, stdout, stderr } = await keyhole('serve', '--port', '0', '--data', join(blocked, 'data')).ended;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^keyhole serve: The data folder .* cannot be written \(ENOTDIR\)\.[^\n]*\n$/);
  });
});
