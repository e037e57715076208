import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./s3-server.py', import.meta.url));
/** Debian's: the one that has Swift. */
const PYTHON = '/usr/bin/python3';

/** Why there can be no real S3 server here, or null. */
export function s3ServerUnavailable(): string | null {
  try {
    execFileSync(PYTHON, ['-c', 'import swift.common.middleware.s3api'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'OpenStack Swift (Debian: python3-swift) is not installed';
  }
}

export const S3_KEYS = { accessKeyId: 'test:tester', secretAccessKey: 'secret' } as const;

/** A real S3 server with its buckets, on a loopback port: see s3-server.py. Its data outlive `stop`, until `close`. */
export class S3Server {
  readonly #dir = mkdtempSync(join(tmpdir(), 'keyhole-s3-'));
  /** Each `NAME` or `NAME:QUOTA`. */
  readonly #buckets: readonly string[];
  #child: ChildProcess | null = null;
  #port = 0;

  private constructor(buckets: readonly string[]) {
    this.#buckets = buckets;
  }

  static async start(...buckets: string[]): Promise<S3Server> {
    const server = new S3Server(buckets);
    await server.start();
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Again, on the port it had. */
  async start(): Promise<void> {
    const args = [SCRIPT, this.#dir, '--port', String(this.#port), ...this.#buckets.flatMap((bucket) => ['--bucket', bucket])];
    const child = spawn(PYTHON, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child = child;
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve);
      child.once('exit', () => reject(new Error('the S3 server ended before it was ready')));
    });
    this.#port = Number(new URL(url).port);
  }

  /** As a server that loses its power does. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
