import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseInvite } from '../../peer/pairing/invite.ts';
import { Program } from '../fakes/program.ts';
import { World } from './p2p-world.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function run(...args: string[]): Program {
  const program = new Program(args);
  closers.push(() => program.stop());
  return program;
}

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'keyhole-programs-'));
  closers.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

describe('the programs', () => {
  it('meet through the rendezvous and nothing else: invite, session, picture, and each ends cleanly', async () => {
    const rendezvous = run('rendezvous', '--bind', '127.0.0.1', '--port', '0', '--stun-port', '0');
    const url = String((await rendezvous.event('listening')).url);
    expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    const state = folder();
    const camera = run('camera', '--source', 'test:?fps=10', '--name', 'Yard', '--rendezvous', url, '--state', state);
    const pairing = await camera.event('pairing');
    const invite = parseInvite(String(pairing.invite));
    expect(invite).toMatchObject({ name: 'Yard', rendezvous: [url] });
    expect(Date.parse(String(pairing.expires))).toBe(invite.expires);

    const world = new World();
    closers.push(() => world.close());
    const app = world.app();
    const known = await world.pair(app, String(pairing.invite));
    const { source, sink } = world.source(app, known);
    await sink.until(({ units }) => units.length >= 10, 40_000);
    expect(await camera.event('session')).toMatchObject({ path: expect.stringMatching(/^(host|srflx|prflx)$/), rttMs: expect.any(Number) });
    // The invite was used: there is a fresh one.
    const second = await camera.event('pairing', ({ invite: other }) => other !== pairing.invite);
    expect(parseInvite(String(second.invite)).secret.equals(invite.secret)).toBe(false);
    expect(camera.log).not.toContain('keyhole:');
    await source.close();
    expect(await camera.stop()).toBe(0);
    expect(await rendezvous.stop()).toBe(0);

    const again = run('camera', '--source', 'test:?fps=10', '--name', 'Yard', '--rendezvous', url, '--state', state);
    expect(parseInvite(String((await again.event('pairing')).invite)).publicKey.equals(invite.publicKey)).toBe(true);
    expect(await again.stop()).toBe(0);
  }, 90_000);

  it('neither log passwords nor leave them where everybody can read with what they were started', async () => {
    const source = 'rtsp://admin:geheim@127.0.0.1:9/live';
    const args = ['--source', source, '--rendezvous', 'ws://127.0.0.1:9', '--turn', 'turn:me:geheim@127.0.0.1:9', '--state', folder()];
    const camera = run('camera', ...args);
    await camera.event('pairing');
    if (process.platform === 'linux') {
      const words = readFileSync(`/proc/${camera.child.pid}/cmdline`, 'utf8');
      expect(words).toContain('rtsp://admin:***@127.0.0.1:9/live');
      expect(words).not.toContain('geheim');
    }
    await camera.stop();
    expect(camera.log).not.toContain('geheim');
    const wrong = run('camera', source);
    expect(await wrong.exited).toBe(2);
    expect(wrong.log).not.toContain('geheim');
  }, 60_000);

  it.skipIf(process.platform === 'win32')(
    'write for their user alone, also into a folder that others may look into',
    async () => {
      const data = folder();
      chmodSync(data, 0o755);
      const serve = run('serve', '--data', data, '--port', '0');
      await serve.event('listening');
      const readable = readdirSync(data, { recursive: true, withFileTypes: true }).filter(
        ({ parentPath, name }) => (statSync(join(parentPath, name)).mode & 0o077) !== 0,
      );
      expect(readable.map(({ name }) => name)).toEqual([]);
      expect(await serve.stop()).toBe(0);
    },
    60_000,
  );

  it('say in one line why they cannot run', async () => {
    const first = run('rendezvous', '--bind', '127.0.0.1', '--port', '0', '--stun-port', '0');
    const { url, stunPort } = await first.event('listening');
    const { port } = new URL(String(url));
    for (const [args, code, text] of [
      [['rendezvous', '--bind', '127.0.0.1', '--port', port, '--stun-port', '0'], 1, `TCP port ${port} is taken`],
      [
        ['rendezvous', '--bind', '127.0.0.1', '--port', '0', '--stun-port', String(stunPort)],
        1,
        `UDP port ${String(stunPort)} of 127.0.0.1 is taken`,
      ],
      [['rendezvous', '--tls-cert', '/no/file'], 2, 'go together'],
      [['camera', '--rendezvous', 'ws://127.0.0.1:9'], 2, '--source is missing'],
      [['camera', '--source', 'test:', '--rendezvous', 'ws://127.0.0.1:9', '--state', '/dev/null/x'], 1, 'choose another with --state'],
    ] as const) {
      const program = run(...args);
      expect(await program.exited, program.name).toBe(code);
      expect(program.log).toContain(text);
      expect(program.log).not.toMatch(/^\s+at /m);
    }
  }, 60_000);
});
