import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../electron/base/clock.ts';
import { asCoded } from '../electron/base/errors.ts';
import { makeFolder } from '../electron/base/folder.ts';
import type { Log } from '../electron/base/log.ts';
import { Backoff } from '../electron/base/retry.ts';
import type { EngineClient } from '../electron/contract/client.ts';
import type { CameraId } from '../electron/contract/model.ts';
import type { SpawnProgram } from './program.ts';
import { KeptProgram } from './kept-program.ts';

export interface DemoDeps {
  /** The engine's data folder; the demo's own things live in `demo/` inside. */
  readonly folder: string;
  readonly engine: () => Promise<EngineClient>;
  readonly spawn: SpawnProgram;
  /** The bundled video file. */
  readonly clip: string;
  readonly log: Log;
  readonly clock: Clock;
}

interface DemoCamera {
  readonly slug: string;
  readonly name: string;
  readonly source: string;
}

/** So long a camera waits to be added for those before it on the wall: one that does not come up must not hold up the others. */
const TURN_MS = 6000;

/** What a later start needs to find the same cameras again. */
const stateSchema = z.object({ rendezvousPort: z.number().int().min(0).max(65_535), cameras: z.record(z.string(), z.string()) });
type State = z.infer<typeof stateSchema>;

/** A shop with four cameras: real camera peers and a rendezvous, each a process of its own, met over loopback. */
export class Demo {
  readonly #deps: DemoDeps;
  readonly #folder: string;
  readonly #programs: KeptProgram[] = [];
  readonly #pairing = new Map<string, Promise<void>>();
  /** Those whose first pairing is over, well or not; each wait for it is told. */
  #settled = new Set<string>();
  #waiting: (() => void)[] = [];
  #state: State = { rendezvousPort: 0, cameras: {} };
  #saving: Promise<void> = Promise.resolve();
  #starting: Promise<void> | undefined;
  #closed = false;

  constructor(deps: DemoDeps) {
    this.#deps = deps;
    this.#folder = join(deps.folder, 'demo');
  }

  /** Begins; the cameras appear as they come up. */
  start(): void {
    this.#starting ??= this.#start().catch((error: unknown) => this.#deps.log.error(`the demo cannot start: ${asCoded(error).message}`));
  }

  /** Ends every child and waits for them. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const check of this.#waiting) check();
    await this.#starting;
    await Promise.all(this.#programs.map((program) => program.close()));
    await this.#saving;
  }

  async #start(): Promise<void> {
    makeFolder(this.#folder);
    this.#state = await this.#load();
    let cameras: readonly KeptProgram[] = [];
    let current: string | undefined;
    this.#keep(
      'rendezvous',
      // The port is kept, since paired cameras are looked for at the address they were paired by; a taken port costs a new pairing.
      (attempt) => [
        'rendezvous',
        '--bind',
        '127.0.0.1',
        '--port',
        String(attempt === 0 ? this.#state.rendezvousPort : 0),
        '--stun-port',
        '0',
      ],
      (event) => {
        const url = event.event === 'listening' && typeof event.url === 'string' ? event.url : undefined;
        if (!url || url === current) return;
        current = url;
        this.#state.rendezvousPort = Number(new URL(url).port);
        this.#save();
        const moved = cameras;
        this.#settled.clear();
        cameras = this.#cameras().map((camera) => this.#startCamera(camera, url));
        for (const program of moved) void program.close();
      },
    );
  }

  #startCamera(camera: DemoCamera, rendezvous: string): KeptProgram {
    const state = join(this.#folder, camera.slug);
    // On this machine alone: the neighbours need not know that somebody has a look.
    const args = ['camera', '--source', camera.source, '--name', camera.name, '--rendezvous', rendezvous, '--no-lan', '--state', state];
    return this.#keep(
      camera.slug,
      () => args,
      (event) => {
        if (event.event === 'pairing' && typeof event.invite === 'string') this.#pair(camera, event.invite, rendezvous);
      },
    );
  }

  #keep(name: string, args: (attempt: number) => readonly string[], event: (event: Record<string, unknown>) => void): KeptProgram {
    const { spawn, clock, log } = this.#deps;
    const program = new KeptProgram({ name, args, event, spawn, clock, log });
    this.#programs.push(program);
    if (!this.#closed) program.start();
    return program;
  }

  /** One pairing of a camera at a time: an invite that comes meanwhile is tried by the next start. */
  #pair(camera: DemoCamera, invite: string, rendezvous: string): void {
    if (this.#pairing.has(camera.slug)) return;
    const pairing = this.#turn(camera)
      .then(() => this.#addUnlessPaired(camera, invite, rendezvous))
      .catch((error: unknown) => this.#deps.log.error(`${camera.name} could not be added: ${asCoded(error).message}`))
      .finally(() => {
        this.#pairing.delete(camera.slug);
        this.#settled.add(camera.slug);
        for (const check of this.#waiting) check();
      });
    this.#pairing.set(camera.slug, pairing);
  }

  /** The wall shows cameras in the order they were added in: resolves when those before this one had their turn. */
  #turn({ slug }: DemoCamera): Promise<void> {
    const slugs = this.#cameras().map((camera) => camera.slug);
    const before = slugs.slice(0, slugs.indexOf(slug));
    return new Promise((resolve) => {
      const timer = this.#deps.clock.setTimeout(done, TURN_MS);
      const check = () => {
        if (this.#closed || before.every((other) => this.#settled.has(other))) done();
      };
      const stop = () => (this.#waiting = this.#waiting.filter((other) => other !== check));
      function done() {
        timer.cancel();
        stop();
        resolve();
      }
      this.#waiting.push(check);
      check();
    });
  }

  async #addUnlessPaired(camera: DemoCamera, invite: string, rendezvous: string): Promise<void> {
    const backoff = new Backoff({ firstMs: 500, capMs: 4000 });
    for (;;) {
      if (this.#closed) return;
      try {
        const engine = await this.#deps.engine();
        const known = this.#state.cameras[camera.slug];
        const there = (await engine.call('cameras.list', {})).find(({ id }) => id === known);
        if (there?.source.kind === 'p2p' && there.source.rendezvous.includes(rendezvous)) return;
        if (there) await engine.call('cameras.remove', { id: there.id, deleteRecordings: false });
        const added = await engine.call('cameras.add', { name: camera.name, source: { kind: 'p2p', invite } });
        this.#remember(camera.slug, added.id);
        return;
      } catch (error) {
        const coded = asCoded(error);
        // An invite that is spent stays spent; the camera prints another.
        if (coded.code.startsWith('invite-') || coded.code === 'conflict' || backoff.attempt >= 8) throw coded;
        await new Promise<void>((resolve) => this.#deps.clock.setTimeout(resolve, backoff.next()));
      }
    }
  }

  #remember(slug: string, id: CameraId): void {
    this.#state.cameras[slug] = id;
    this.#save();
  }

  /** Written beside and renamed, one after another. */
  #save(): void {
    const file = join(this.#folder, 'demo.json');
    this.#saving = this.#saving
      .then(async () => {
        await writeFile(`${file}.tmp`, JSON.stringify(this.#state, null, 2), { mode: 0o600 });
        await rename(`${file}.tmp`, file);
      })
      .catch((error: unknown) => this.#deps.log.warn(`the demo's state was not saved: ${asCoded(error).message}`));
  }

  async #load(): Promise<State> {
    try {
      return stateSchema.parse(JSON.parse(await readFile(join(this.#folder, 'demo.json'), 'utf8')));
    } catch {
      return { rendezvousPort: 0, cameras: {} };
    }
  }

  #cameras(): readonly DemoCamera[] {
    return [
      { slug: 'front-door', name: 'Front door', source: this.#deps.clip },
      { slug: 'yard', name: 'Yard', source: 'test:?seed=1&code=0&label=Yard' },
      { slug: 'till', name: 'Till', source: 'test:?seed=2&code=0&label=Till' },
      { slug: 'store-room', name: 'Store room', source: 'test:?seed=3&code=0&label=Store%20room' },
    ];
  }
}
