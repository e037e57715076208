import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Program } from '../fakes/program.ts';

const programs: Program[] = [];
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhole-cli-'));
});
afterEach(async () => {
  for (const program of programs.splice(0)) await program.kill();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function keyhole(...args: string[]): Program {
  const program = new Program(args);
  programs.push(program);
  return program;
}

async function ended(program: Program): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return { code: await program.exited, stdout: program.output, stderr: program.log };
}

describe('the keyhole command', () => {
  it('lists its commands, and only those there are', async () => {
    const { code, stdout, stderr } = await ended(keyhole('help'));
    expect([code, stderr]).toEqual([0, '']);
    expect([...stdout.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name)).toEqual([
      'serve',
      'camera',
      'rendezvous',
      'nat',
      'export',
      'verify',
      'doctor',
      'help',
      'version',
    ]);
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
    expect((await ended(keyhole('version'))).stdout).toBe(`keyhole ${version}`);
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
    const { code, stdout, stderr } = await ended(keyhole(...args));
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.split('\n')[0]).toMatch(/^keyhole/);
    expect(stderr.split('\n')[0]).toMatch(line);
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});

describe('a command', () => {
  it.each([
    ['camera', /\/electron\/(host|engine|storage|recording)\//],
    ['rendezvous', /\/electron\/(host|engine|storage|media|ffmpeg)\/|\/werift\//],
    ['nat', /\/electron\/(host|engine|storage|media|ffmpeg)\/|\/werift\//],
    ['serve', /\/werift\/|\/electron\/(engine\/engine|storage)/],
  ])('loads only its own code: %s', async (name, others) => {
    // Tells each of our modules, and each package once.
    const hook = `import { registerHooks } from 'node:module';
      const told = new Set();
      registerHooks({ load(url, context, next) {
        const name = url.replace(/(.node_modules.[^/]+).*/, '$1/');
        if (!told.has(name)) process.stderr.write(name + '\\n');
        told.add(name);
        return next(url, context);
      } });`;
    const entry = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
    const command = [process.execPath, '--import', `data:text/javascript,${encodeURIComponent(hook)}`, entry];
    const program = new Program([name, '--help'], { command });
    programs.push(program);
    expect(await program.exited).toBe(0);
    const loaded = program.log.split('\n');
    expect(loaded.filter((url) => /\/cli\/keyhole\.ts$/.test(url))).toHaveLength(1);
    expect(loaded.filter((url) => others.test(url))).toEqual([]);
  });
});

describe('keyhole serve', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('says where it listens, and ends with 0 on %s', async (signal) => {
    const serve = keyhole('serve', '--port', '0', '--data', join(folder, signal));
    const { url, link, token } = await serve.event('listening');
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}$/);
    const origin = String(url);
    const answer = await fetch(`${origin}/api/v1/cameras`, { headers: { authorization: `Bearer ${String(token)}` } });
    expect([answer.status, await answer.json()]).toEqual([200, []]);
    expect([await serve.stop(signal), serve.output.split('\n').length]).toEqual([0, 1]);
    await expect(fetch(origin)).rejects.toThrow();
  });

  it('keeps the token of a token file', async () => {
    const file = join(folder, 'token');
    const start = () => keyhole('serve', '--port', '0', '--data', join(folder, 'with-token'), '--token-file', file);
    const first = start();
    const { token } = await first.event('listening');
    await first.stop();
    expect((await readFile(file, 'utf8')).trim()).toBe(token);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await start().event('listening')).toMatchObject({ token });
    await writeFile(file, 'short\n');
    expect(await ended(start())).toMatchObject({ code: 2, stderr: expect.stringMatching(/^keyhole serve: .*16 to 256/) as string });
  });

  it('ends with 1 and one line when the port is in use', async () => {
    const server: Server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const { code, stdout, stderr } = await ended(keyhole('serve', '--port', String(port), '--data', join(folder, 'port')));
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(new RegExp(`^keyhole serve: Port ${port} on 127\\.0\\.0\\.1 is in use[^\n]*$`));
    } finally {
      server.close();
    }
  });

  it('ends with 1 and one line when the data folder cannot be written', async () => {
    // A file in the folder's place: root, too, cannot write "inside" that.
    const blocked = join(folder, 'blocked');
    await writeFile(blocked, '');
    const { code, stdout, stderr } = await ended(keyhole('serve', '--port', '0', '--data', join(blocked, 'data')));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^keyhole serve: The data folder .* cannot be written \(ENOTDIR\)\.[^\n]*$/);
  });
});
