import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../electron/base/clock.ts';
import { CodedError } from '../electron/base/errors.ts';
import { silentLog } from '../electron/base/log.ts';
import { EngineClient } from '../electron/contract/client.ts';
import type { ClientMessage, Port, ServerMessage } from '../electron/contract/wire.ts';
import type { Program, ProgramEvents } from './program.ts';
import { Demo } from './demo.ts';

/** The far ends: programs that print what the test says, and an engine that knows cameras by their invite. */
class FakeProgram implements Program {
  stopped = false;
  readonly args: readonly string[];
  readonly events: ProgramEvents;

  constructor(args: readonly string[], events: ProgramEvents) {
    this.args = args;
    this.events = events;
  }
  print(event: object): void {
    this.events.line(JSON.stringify(event));
  }
  async stop(): Promise<void> {
    this.stopped = true;
    this.events.exit('stopped');
    return Promise.resolve();
  }
}

class FakeEngine {
  cameras: { id: string; name: string; source: { kind: 'p2p'; rendezvous: string[] } }[] = [];
  failures: CodedError[] = [];
  removed: unknown[] = [];
  rendezvous = '';
  #next = 0;

  client(): EngineClient {
    let receive: (message: ServerMessage) => void = () => {};
    const port: Port = {
      post: (message) => {
        const { id, name, args } = message as Extract<ClientMessage, { t: 'call' }>;
        queueMicrotask(() => receive(this.#answer(id, name, args as Record<string, string>)));
      },
      onMessage: (listener) => (receive = listener),
      onClose: () => {},
      close: () => {},
    };
    return new EngineClient(port);
  }

  #answer(id: number, name: string, args: Record<string, string>): ServerMessage {
    if (name === 'cameras.list') return { t: 'reply', id, value: this.cameras };
    if (name === 'cameras.remove') {
      this.removed.push(args);
      this.cameras = this.cameras.filter((camera) => camera.id !== args['id']);
      return { t: 'reply', id, value: null };
    }
    const failure = this.failures.shift();
    if (failure) return { t: 'fail', id, error: failure.toWire() };
    const camera = { id: `cam-${this.#next++}`, name: args['name'] ?? '', source: { kind: 'p2p' as const, rendezvous: [this.rendezvous] } };
    this.cameras.push(camera);
    return { t: 'reply', id, value: camera };
  }
}

let folder = '';
let engine: FakeEngine;
let programs: FakeProgram[];
let clock: SimulatedClock;
let demo: Demo;

const running = (kind: string) => programs.filter(({ args, stopped }) => args[0] === kind && !stopped);
const flag = (program: FakeProgram | undefined, name: string) => program?.args[program.args.indexOf(`--${name}`) + 1];

/** Lets everything that waits for files and promises go on, until `done`. */
async function until(done: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!done() && performance.now() < deadline) {
    await clock.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(done()).toBe(true);
}

function newDemo(): Demo {
  return new Demo({
    folder,
    engine: () => Promise.resolve(engine.client()),
    spawn: (args, events) => {
      programs.push(new FakeProgram(args, events));
      return programs.at(-1) as FakeProgram;
    },
    clip: '/clip.mp4',
    log: silentLog,
    clock,
  });
}

async function introduce(url: string): Promise<void> {
  engine.rendezvous = url;
  await until(() => running('rendezvous').length === 1);
  running('rendezvous')[0]?.print({ event: 'listening', url });
  await until(() => running('camera').length === 4);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhole-demo-'));
  engine = new FakeEngine();
  programs = [];
  clock = new SimulatedClock();
  demo = newDemo();
  demo.start();
  await introduce('ws://127.0.0.1:4001');
});
afterEach(async () => {
  await demo.close();
  await rm(folder, { recursive: true, force: true });
});

const pairAll = async () => {
  for (const camera of running('camera')) camera.print({ event: 'pairing', invite: `keyhole:${flag(camera, 'name')}` });
  await until(() => engine.cameras.length === 4);
};

describe('the demo', () => {
  it('starts four cameras at its rendezvous, and adds each by its invite', async () => {
    expect(running('camera').map((camera) => flag(camera, 'rendezvous'))).toEqual(Array(4).fill('ws://127.0.0.1:4001'));
    expect(running('camera').every(({ args }) => args.includes('--no-lan'))).toBe(true);
    expect(flag(running('camera')[0], 'source')).toBe('/clip.mp4');
    expect(new Set(running('camera').map((camera) => flag(camera, 'state'))).size).toBe(4);
    await pairAll();
    expect(engine.cameras.map(({ name }) => name).sort()).toEqual(['Front door', 'Store room', 'Till', 'Yard']);
  });

  it('finds the same cameras again at the next start, at the same address, and adds none twice', async () => {
    await pairAll();
    await demo.close();
    expect(programs.every(({ stopped }) => stopped)).toBe(true);
    demo = newDemo();
    demo.start();
    await until(() => running('rendezvous').length === 1);
    expect(flag(running('rendezvous')[0], 'port')).toBe('4001');
    await introduce('ws://127.0.0.1:4001');
    for (const camera of running('camera')) camera.print({ event: 'pairing', invite: 'keyhole:another' });
    await clock.advance(60_000);
    expect([engine.cameras.length, engine.removed]).toEqual([4, []]);
  });

  it('pairs again, keeping the recordings, when its address was taken', async () => {
    await pairAll();
    const before = engine.cameras.map(({ id }) => id);
    // The port is taken: the rendezvous ends without having said anything, and is started at a free one.
    await demo.close();
    demo = newDemo();
    demo.start();
    await until(() => running('rendezvous').length === 1);
    const failed = running('rendezvous')[0];
    if (failed) failed.stopped = true;
    failed?.events.exit('exit code 1: port in use');
    await until(() => running('rendezvous').length === 1);
    expect(flag(running('rendezvous')[0], 'port')).toBe('0');
    await introduce('ws://127.0.0.1:4002');
    for (const camera of running('camera')) camera.print({ event: 'pairing', invite: 'keyhole:new' });
    await until(() => engine.removed.length === 4 && engine.cameras.length === 4);
    expect(engine.removed).toEqual(expect.arrayContaining(before.map((id) => ({ id, deleteRecordings: false }))));
  });

  it('adds them in the order of the wall, whichever comes up first, and waits for none for ever', async () => {
    const [first, second, third, last] = running('camera');
    for (const camera of [last, third, second]) camera?.print({ event: 'pairing', invite: 'keyhole:x' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(engine.cameras).toEqual([]);
    first?.print({ event: 'pairing', invite: 'keyhole:x' });
    await until(() => engine.cameras.length === 4);
    expect(engine.cameras.map(({ name }) => name)).toEqual(['Front door', 'Yard', 'Till', 'Store room']);
  });

  it('goes on without a camera that does not come up', async () => {
    for (const camera of running('camera').slice(1)) camera.print({ event: 'pairing', invite: 'keyhole:x' });
    await clock.advance(10_000);
    await until(() => engine.cameras.length === 3);
  });

  it('starts a camera that dies again', async () => {
    const victim = running('camera')[1];
    if (victim) victim.stopped = true;
    victim?.events.exit('SIGKILL');
    await until(() => running('camera').length === 4);
    expect(programs.at(-1)?.args).toEqual(victim?.args);
  });

  it('tries again while the camera is not found yet, and waits for the next invite when one is spent', async () => {
    const [camera] = running('camera');
    engine.failures = [new CodedError('peer-absent', 'Not there.'), new CodedError('rendezvous-unreachable', 'Gone.')];
    camera?.print({ event: 'pairing', invite: 'keyhole:a' });
    await until(() => engine.cameras.length === 1);

    const other = running('camera')[1];
    engine.failures = [new CodedError('invite-used', 'Used.')];
    other?.print({ event: 'pairing', invite: 'keyhole:b' });
    await until(() => engine.failures.length === 0);
    await clock.advance(60_000);
    expect(engine.cameras).toHaveLength(1);
    other?.print({ event: 'pairing', invite: 'keyhole:c' });
    await until(() => engine.cameras.length === 2);
  });

  it('is not disturbed by lines that are no events', async () => {
    for (const line of ['', 'text', 'null', '[1]', '{"event":"pairing"}', '{"event":"pairing","invite":5}', 'x'.repeat(100_000)]) {
      running('camera')[0]?.events.line(line);
    }
    await clock.advance(1000);
    expect(engine.cameras).toEqual([]);
  });
});
