import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Camera, PathReport } from '../../electron/contract/model.ts';
import { Program, type ProgramEvent } from '../fakes/program.ts';
import type { Agent } from './agent.ts';
import type { Coturn } from './coturn.ts';
import type { Host } from './host.ts';
import { SERVERS } from './internet.ts';
import type { Lab } from './lab.ts';
import type { Machine } from './machine.ts';
import { run } from './shell.ts';
import { Turns } from './turns.ts';

/** Open also where nothing else is. */
const WEB_PORT = 443;
const POLL_MS = 40;
/** Each costs two seconds of a core to start: all at once none would be there in time. */
const STARTS_AT_ONCE = 2;
const START_MS = 60_000;

/** Keyhole's programs, as people start them, on machines of a laboratory. */
export class Programs {
  readonly #lab: Lab;
  readonly #programs: Program[] = [];
  readonly #starts = new Turns(STARTS_AT_ONCE);
  #clip: Promise<string> | null = null;
  #count = 0;

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  /**
   * `keyhole rendezvous` on the internet, at TCP port 443. The first has two addresses for STUN; another needs an `address`. It
   * gives out access to `coturn` where there is one.
   */
  async rendezvous(
    options: { coturn?: Coturn; args?: readonly string[]; address?: string } = {},
  ): Promise<{ program: Program; url: string }> {
    const { coturn, args = [], address = SERVERS.rendezvous } = options;
    const alternate = address === SERVERS.rendezvous ? ['--stun-alt-address', SERVERS.alternate] : [];
    const { program, event } = await this.#start(this.#lab.internet, 'listening', [
      ...['rendezvous', '--bind', address, '--port', String(WEB_PORT), ...alternate],
      ...(coturn ? this.#relay(coturn) : []),
      ...args,
    ]);
    return { program, url: String(event.url) };
  }

  /** `keyhole camera` with a small clip, whose pictures cost no encoding. */
  async camera(host: Host, rendezvous: readonly string[], args: readonly string[] = []): Promise<CameraProgram> {
    const source = await (this.#clip ??= makeClip(this.#lab.folder));
    const state = join(this.#lab.folder, `camera-${(this.#count += 1)}`);
    const places = rendezvous.flatMap((url) => ['--rendezvous', url]);
    const { program } = await this.#start(host, 'pairing', [
      'camera',
      '--source',
      source,
      '--name',
      host.name,
      '--state',
      state,
      ...places,
      ...args,
    ]);
    return new CameraProgram(program);
  }

  /** `keyhole serve`: the app, spoken to from its own host. */
  async serve(host: Host, args: readonly string[] = []): Promise<ServeProgram> {
    const { program, event } = await this.#start(host, 'listening', [
      'serve',
      '--data',
      join(this.#lab.folder, `serve-${(this.#count += 1)}`),
      '--port',
      '0',
      ...args,
    ]);
    return new ServeProgram(program, await host.agent(), { url: String(event.url), token: String(event.token) });
  }

  /** What all of them logged last. */
  get logs(): string {
    return this.#programs.map(({ name, log }) => `--- ${name}\n${log}`).join('\n');
  }

  async close(): Promise<void> {
    await Promise.all(this.#programs.splice(0).map((program) => program.kill()));
  }

  /** Resolves when it says that it is there, by that event. */
  #start(machine: Machine, there: string, args: readonly string[]): Promise<{ program: Program; event: ProgramEvent }> {
    // What one has compiled the others need not.
    // Routers in here may be asked for ports: they are the test's own.
    const env = { NODE_COMPILE_CACHE: join(this.#lab.folder, 'compiled'), KEYHOLE_GATEWAY: 'on' };
    return this.#starts.take(async () => {
      const program = new Program(args, { namespace: machine.namespace, env });
      this.#programs.push(program);
      return { program, event: await program.event(there, () => true, START_MS) };
    });
  }

  #relay(coturn: Coturn): string[] {
    const file = join(this.#lab.folder, 'turn-secret');
    writeFileSync(file, `${coturn.secret}\n`, { mode: 0o600 });
    const urls = (['udp', 'tcp-443', 'tls-443'] as const).map((way) => coturn.access(way).url);
    return ['--turn-secret-file', file, ...urls.flatMap((url) => ['--turn-url', url])];
  }
}

/** A camera, and the invites that it shows one after another. */
export class CameraProgram {
  readonly program: Program;
  #invites = 0;

  constructor(program: Program) {
    this.program = program;
  }

  /** One that nobody else was given. It comes when the one before was used. */
  async invite(): Promise<string> {
    const index = this.#invites++;
    const { events } = this.program;
    const event = await this.program.event('pairing', (one) => events.filter((other) => other.event === 'pairing').indexOf(one) === index);
    return String(event.invite);
  }
}

/** The app, by its HTTP interface. */
export class ServeProgram {
  readonly program: Program;
  readonly #agent: Agent;
  readonly #access: { url: string; token: string };

  constructor(program: Program, agent: Agent, access: { url: string; token: string }) {
    this.program = program;
    this.#agent = agent;
    this.#access = access;
  }

  /** The answer's JSON. @throws Error with the problem's text on an error status */
  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { url, token } = this.#access;
    const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const { status, text } = await this.#agent.fetch(new URL(path, url).href, init);
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}\n${this.program.log}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  add(name: string, invite: string): Promise<Camera> {
    return this.json('POST', '/api/v1/cameras', { name, source: { kind: 'p2p', invite } });
  }

  /** With what it recorded. */
  remove(id: string): Promise<void> {
    return this.json('DELETE', `/api/v1/cameras/${id}?recordings=delete`);
  }

  camera(id: string): Promise<Camera> {
    return this.json('GET', `/api/v1/cameras/${id}`);
  }

  /** By which way it is reached, and why. */
  path(id: string): Promise<PathReport> {
    return this.json('GET', `/api/v1/cameras/${id}/path`);
  }

  /** Asks until it fits. @throws Error with the last answer and the log when it does not in time */
  async until(id: string, fits: (camera: Camera) => boolean, deadlineMs = 20_000): Promise<Camera> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const camera = await this.camera(id);
      if (fits(camera)) return camera;
      if (Date.now() > deadline) throw new Error(`waited in vain; last: ${JSON.stringify(camera)}\n${this.program.log}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Live, with pictures that advance. */
  async untilLive(id: string, deadlineMs = 20_000): Promise<Camera> {
    const { lastFrameAt } = await this.until(id, ({ state }) => state === 'live', deadlineMs);
    return this.until(id, (camera) => camera.state === 'live' && (camera.lastFrameAt ?? 0) > (lastFrameAt ?? 0), deadlineMs);
  }
}

/** 20 s of 320x180 at 10 frames a second, H.264 without B-frames, a keyframe each second, about 80 kbit/s. */
async function makeClip(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'clip.mp4');
  await run([
    ...['ffmpeg', '-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=10:duration=20'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'baseline', '-bf', '0', '-g', '10', '-sc_threshold', '0'],
    ...['-b:v', '80k', '-maxrate', '120k', '-bufsize', '80k', '-pix_fmt', 'yuv420p', file],
  ]);
  return file;
}
