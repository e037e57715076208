import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Camera } from '../../electron/contract/model.ts';
import { RequestsIn, type TwoHosts } from './network.ts';
import { Program } from './program.ts';

/** A whole installation of real processes on loopback: rendezvous, cameras, and the app in its browser host. */
export class Site {
  readonly dir = mkdtempSync(join(tmpdir(), 'keyhole-test-'));
  readonly hosts: TwoHosts | undefined;
  readonly #programs: Program[] = [];
  rendezvousUrl = '';
  rendezvous: Program | undefined;
  serve: Program | undefined;
  url = '';
  /** With the one-time token, for a browser. */
  link = '';
  token = '';

  get dataDir(): string {
    return join(this.dir, 'data');
  }

  readonly #env: Readonly<Record<string, string>>;
  /** Of the app alone. */
  readonly #appEnv: Readonly<Record<string, string>>;
  #requests: RequestsIn | null = null;

  /** With `hosts`, cameras run on one host, everything else on the other; without, all on loopback. `lan`: they look for each other there. */
  constructor(hosts?: TwoHosts, options: { lan?: boolean; appEnv?: Readonly<Record<string, string>> } = {}) {
    this.hosts = hosts;
    this.#env = options.lan ? { KEYHOLE_LAN: 'on' } : {};
    this.#appEnv = options.appEnv ?? {};
  }

  run(...args: string[]): Program {
    const env = args[0] === 'serve' ? { ...this.#env, ...this.#appEnv } : this.#env;
    const program = new Program(args, { namespace: args[0] === 'camera' ? this.hosts?.camera : this.hosts?.app, env });
    this.#programs.push(program);
    return program;
  }

  async startRendezvous(port = 0, stunPort = 0): Promise<Program> {
    const program = this.run(
      'rendezvous',
      '--port',
      String(port),
      '--stun-port',
      String(stunPort),
      '--bind',
      this.hosts?.appAddress ?? '127.0.0.1',
    );
    this.rendezvousUrl = String((await program.event('listening')).url);
    this.rendezvous = program;
    return program;
  }

  /** The app. `port` 0 takes a free one. */
  async startServe(port = 0): Promise<Program> {
    const program = this.run('serve', '--data', this.dataDir, '--port', String(port));
    const listening = await program.event('listening');
    this.url = String(listening.url);
    this.link = String(listening.link);
    this.token = String(listening.token);
    this.serve = program;
    return program;
  }

  async startCamera(name: string, source: string, ...more: string[]): Promise<{ program: Program; invite: string }> {
    const state = join(this.dir, `camera-${name.replace(/\W/g, '-')}`);
    const rendezvous = this.rendezvousUrl ? ['--rendezvous', this.rendezvousUrl] : [];
    const program = this.run('camera', '--source', source, '--name', name, ...rendezvous, '--state', state, ...more);
    const pairing = await program.event('pairing');
    return { program, invite: String(pairing.invite) };
  }

  async request(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const url = new URL(path, this.url).href;
    const init = {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    if (this.hosts) return (this.#requests ??= new RequestsIn(this.hosts.app)).fetch(url, init);
    const response = await fetch(url, init);
    return { status: response.status, text: await response.text() };
  }

  /** The answer's JSON; throws with the problem's text on an error status. */
  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, text } = await this.request(method, path, body);
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  async addP2p(name: string, invite: string): Promise<Camera> {
    return this.json<Camera>('POST', '/api/v1/cameras', { name, source: { kind: 'p2p', invite } });
  }

  /** Asks until it fits; throws with the last answer and the programs' logs when it does not by the deadline. */
  async until<T>(ask: () => Promise<T>, fits: (value: T) => boolean, deadlineMs = 30_000): Promise<T> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const value = await ask();
      if (fits(value)) return value;
      if (Date.now() > deadline) throw new Error(`waited in vain; last: ${JSON.stringify(value)}\n${this.logs}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  camera(id: string): Promise<Camera> {
    return this.json<Camera>('GET', `/api/v1/cameras/${id}`);
  }

  live(id: string, deadlineMs?: number): Promise<Camera> {
    return this.until(
      () => this.camera(id),
      (camera) => camera.state === 'live',
      deadlineMs,
    );
  }

  get logs(): string {
    return this.#programs.map((program) => `--- ${program.name}\n${program.log}`).join('\n');
  }

  async close(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop()));
    this.#requests?.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
