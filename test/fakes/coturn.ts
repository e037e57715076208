import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TurnServer } from '../../peer/path/turn-client.ts';

const SECRET = 'coturn-test-secret';

/** Why there is no coturn here, or null. */
export function coturnUnavailable(): string | null {
  try {
    execFileSync('turnserver', ['--version'], { stdio: 'ignore' });
    return null;
  } catch (error) {
    // It says its version and exits with an error.
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'coturn is not installed' : null;
  }
}

/** coturn on loopback, where it relays to loopback too. */
export class LoopbackCoturn {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
  }

  /** @param args further flags of `turnserver` */
  static async start(args: readonly string[] = []): Promise<LoopbackCoturn> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'keyhole-coturn-'));
    const flags = [
      ...['-n', '--no-cli', '--no-tls', '--no-dtls', '--log-file=stdout', '--simple-log', '--realm=test', '--relay-threads=1'],
      ...['--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', '--allow-loopback-peers', `--listening-port=${port}`],
      ...[`--pidfile=${join(folder, 'pid')}`, `--userdb=${join(folder, 'db')}`, '--use-auth-secret', `--static-auth-secret=${SECRET}`],
    ];
    const child = spawn('turnserver', [...flags, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.resume();
    const coturn = new LoopbackCoturn(port, child, folder);
    await answers(port);
    return coturn;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  server(transport: 'udp' | 'tcp' = 'udp', secret = SECRET): TurnServer {
    const username = `${Math.floor(Date.now() / 1000) + 600}:test`;
    const credential = createHmac('sha1', secret).update(username).digest('base64');
    return { url: `turn:127.0.0.1:${this.port}?transport=${transport}`, username, credential };
  }

  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill('SIGKILL');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === 'object' && address ? address.port : 0;
}

/** Resolves when a STUN request to `port` is answered; asks again each 50 ms. */
async function answers(port: number): Promise<void> {
  const socket = createSocket('udp4');
  const request = Buffer.from('000100002112a442000102030405060708090a0b', 'hex');
  const answered = new Promise<void>((resolve) => socket.once('message', () => resolve()));
  const again = setInterval(() => socket.send(request, port, '127.0.0.1', () => {}), 50);
  await answered.finally(() => {
    clearInterval(again);
    socket.close();
  });
}
