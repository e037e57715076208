import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Program } from '../fakes/program.ts';
import { Site } from '../fakes/site.ts';

/** What users do wrong, and what machines do to them: one clear line, the right exit code, nothing lost. */

let dir: string;
const closers: (() => Promise<unknown> | void)[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'keyhole-bad-'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(dir, { recursive: true, force: true });
});

/** Runs a command to its end: its exit code, and the lines for people without those of the log. */
async function run(...args: string[]): Promise<{ code: number | NodeJS.Signals; lines: string[] }> {
  const program = new Program(args);
  closers.push(() => program.stop());
  const code = await program.exited;
  return { code, lines: program.log.split('\n').filter((line) => line.startsWith('keyhole')) };
}

const camera = (source: string) => run('camera', '--source', source, '--rendezvous', 'ws://127.0.0.1:9', '--state', join(dir, 'state'));

async function takenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as { port: number }).port;
}

it('a source that does not exist', async () => {
  const { code, lines } = await camera(join(dir, 'nothing.mp4'));
  expect(code).toBe(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/nothing\.mp4/);
});

it('a file with no video, and one that is no media at all', async () => {
  const sound = join(dir, 'sound.wav');
  execFileSync('ffmpeg', ['-nostdin', '-loglevel', 'error', '-f', 'lavfi', '-i', 'sine=duration=1', sound]);
  const silent = await camera(sound);
  expect(silent.code).toBe(1);
  expect(silent.lines).toHaveLength(1);
  expect(silent.lines[0]).toMatch(/no video/i);
  const text = join(dir, 'notes.mp4');
  writeFileSync(text, 'buy milk\n'.repeat(1000));
  const notes = await camera(text);
  expect(notes.code).toBe(1);
  expect(notes.lines).toHaveLength(1);
});

it('a source of no known kind, and bad flags, are usage errors', async () => {
  for (const args of [
    ['camera'],
    ['camera', '--source', 'gopher://x', '--rendezvous', 'ws://127.0.0.1:9'],
    ['camera', '--source', 'test:', '--rendezvous', 'http://x'],
    ['camera', '--source', 'test:', '--colour', 'red'],
    ['serve', '--port', '70000'],
    ['rendezvous', '--stun-port', 'x'],
    ['frobnicate'],
  ]) {
    const { code, lines } = await run(...args);
    expect([args.join(' '), code]).toEqual([args.join(' '), 2]);
    expect(lines[0]?.length).toBeGreaterThan(10);
  }
});

it('a port in use', async () => {
  const port = String(await takenPort());
  for (const args of [
    ['serve', '--data', join(dir, 'data'), '--port', port],
    ['rendezvous', '--bind', '127.0.0.1', '--port', port, '--stun-port', '0'],
  ]) {
    const { code, lines } = await run(...args);
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(port);
  }
});

it('a data folder that cannot be written, or is a file', async () => {
  const file = join(dir, 'file');
  writeFileSync(file, 'precious');
  const onFile = await run('serve', '--data', file, '--port', '0');
  expect(onFile.code).toBe(1);
  expect(onFile.lines).toHaveLength(1);
  expect(readFileSync(file, 'utf8')).toBe('precious');

  // Root may write anywhere but in /proc.
  const folder = process.getuid?.() === 0 ? '/proc/keyhole' : join(dir, 'readonly');
  if (folder !== '/proc/keyhole') {
    mkdirSync(folder);
    chmodSync(folder, 0o500);
  }
  const readOnly = await run('serve', '--data', folder, '--port', '0');
  expect(readOnly.code).toBe(1);
  expect(readOnly.lines).toHaveLength(1);
  expect(readOnly.lines[0]).toContain(folder);
});

it('a data folder that another Keyhole uses', async () => {
  const site = new Site();
  closers.push(() => site.close());
  await site.startServe();
  const { code, lines } = await run('serve', '--data', site.dataDir, '--port', '0');
  expect(code).toBe(1);
  expect(lines).toHaveLength(1);
});

it('a database of a newer version is left as it is', async () => {
  const site = new Site();
  closers.push(() => site.close());
  const serve = await site.startServe();
  await site.json('POST', '/api/v1/cameras', { name: 'Yard', source: { kind: 'rtsp', url: 'rtsp://127.0.0.1:9/x' } });
  await serve.stop();
  const file = join(site.dataDir, 'keyhole.db');
  const database = new Database(file);
  database.pragma('user_version = 999');
  database.close();
  const { code, lines } = await run('serve', '--data', site.dataDir, '--port', '0');
  expect(code).toBe(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('999');
  const after = new Database(file);
  expect(after.pragma('user_version', { simple: true })).toBe(999);
  after.pragma('user_version = 1');
  expect(after.prepare('SELECT name FROM camera').all()).toEqual([{ name: 'Yard' }]);
  after.close();
});

/** Why there can be no small disk here, or null. */
function smallDisk(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null;
  const at = join(dir, 'disk');
  mkdirSync(at);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', at], { stdio: 'ignore' });
    closers.push(() => void execFileSync('umount', ['-l', at]));
    return at;
  } catch {
    return null;
  }
}

it('a full disk stops the recording with a word, keeps the picture and what was recorded, and goes on when there is room', async (context) => {
  const disk = smallDisk();
  if (!disk) return context.skip('mounting a small disk takes root');
  const site = new Site();
  closers.push(() => site.close());
  await site.startRendezvous();
  const serve = site.run('serve', '--data', join(disk, 'data'), '--port', '0');
  const listening = await serve.event('listening');
  site.url = String(listening.url);
  site.token = String(listening.token);
  const { invite } = await site.startCamera('Yard', 'test:?fps=10');
  const { id } = await site.addP2p('Yard', invite);
  await site.until(
    () => site.camera(id),
    ({ recording }) => recording,
  );
  const ballast = join(disk, 'ballast');
  for (let size = 1; size <= 24; size += 1) {
    try {
      writeFileSync(ballast, Buffer.alloc(size * 1024 * 1024));
    } catch {
      break;
    }
  }
  const full = await site.until(
    () => site.camera(id),
    (camera) => camera.recordingReason?.reason === 'disk-full',
    60_000,
  );
  expect(full.state).toBe('live');
  rmSync(ballast);
  await site.until(
    () => site.camera(id),
    ({ recording }) => recording,
    60_000,
  );
  expect(existsSync(join(disk, 'data', 'keyhole.db'))).toBe(true);
  expect(await serve.stop()).toBe(0);
}, 180_000);
