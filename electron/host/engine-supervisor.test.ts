import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import type { CodedError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import type { EngineMessage, HostMessage } from '../engine/protocol.ts';
import { EngineSupervisor, type EngineChild } from './engine-supervisor.ts';

/** An engine process that does what the test says. */
class ScriptedChild implements EngineChild<string> {
  readonly sent: [HostMessage, string | undefined][] = [];
  killed = false;
  #message: ((message: EngineMessage) => void)[] = [];
  #exit: ((why: string) => void)[] = [];

  send(message: HostMessage, port?: string): void {
    this.sent.push([message, port]);
  }
  onMessage(listener: (message: unknown) => void): void {
    this.#message.push(listener);
  }
  onExit(listener: (why: string) => void): void {
    this.#exit.push(listener);
  }
  kill(): void {
    this.killed = true;
    this.die('killed');
  }
  say(message: EngineMessage): void {
    for (const listener of this.#message) listener(message);
  }
  die(why = 'exit code 1'): void {
    for (const listener of this.#exit.splice(0)) listener(why);
  }
  get kinds(): string[] {
    return this.sent.map(([{ kind }]) => kind);
  }
}

const options = { dataDir: '/data', dataKey: new Uint8Array(32), host: 'browser', notices: [] } as const;
let clock: SimulatedClock;
let children: ScriptedChild[];
let supervisor: EngineSupervisor<string>;
const newest = () => children.at(-1) as ScriptedChild;

beforeEach(() => {
  clock = new SimulatedClock();
  children = [];
  supervisor = new EngineSupervisor<string>({
    spawn: () => {
      children.push(new ScriptedChild());
      return newest();
    },
    options,
    log: silentLog,
    clock,
    backoff: new Backoff({ random: () => 1 }),
  });
});

async function started(): Promise<void> {
  const start = supervisor.start();
  newest().say({ kind: 'ready' });
  await start;
}

describe('starting', () => {
  it('gives the options first, and is ready when the engine says so', async () => {
    const start = supervisor.start();
    expect(newest().sent).toEqual([[{ kind: 'init', options }, undefined]]);
    expect(supervisor.ready).toBe(false);
    newest().say({ kind: 'ready' });
    await start;
    expect(supervisor.ready).toBe(true);
    await supervisor.start();
    expect(children).toHaveLength(1);
  });

  it('fails with what the engine calls fatal, ends the process and does not try again', async () => {
    const start = supervisor.start();
    newest().say({ kind: 'fatal', error: { code: 'database-newer', message: 'Newer.' } });
    await expect(start).rejects.toMatchObject({ code: 'database-newer', message: 'Newer.' });
    expect(newest().killed).toBe(true);
    await clock.advance(600_000);
    expect(children).toHaveLength(1);
  });

  it('fails when the engine dies before it was ever ready', async () => {
    const start = supervisor.start();
    newest().die('out of memory');
    await expect(start).rejects.toThrow(/out of memory/);
    await clock.advance(600_000);
    expect(children).toHaveLength(1);
  });
});

describe('an engine that dies', () => {
  it('is started again, later each time, and quickly again once it has proved itself', async () => {
    await started();
    const delays: number[] = [];
    const fall = async () => {
      const before = clock.monotonic();
      const count = children.length;
      newest().die();
      while (children.length === count) await clock.advance(100);
      delays.push(clock.monotonic() - before);
      newest().say({ kind: 'ready' });
    };
    for (let round = 0; round < 8; round += 1) await fall();
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(supervisor.restarts).toBe(8);
    await clock.advance(60_000);
    await fall();
    expect(delays.at(-1)).toBe(500);
  });

  it('is waited for by those who want a port, but not for ever', async () => {
    await started();
    newest().die();
    expect(supervisor.ready).toBe(false);
    const patient = supervisor.connect('port 1');
    await clock.advance(500);
    newest().say({ kind: 'ready' });
    await patient;
    expect(newest().sent.at(-1)).toEqual([{ kind: 'port' }, 'port 1']);

    newest().die();
    const impatient = expect(supervisor.connect('port 2')).rejects.toMatchObject({ code: 'engine-restarted' });
    await clock.advance(10_000);
    await impatient;
  });

  it('and then cannot run says so once, and stays down', async () => {
    await started();
    const fatal: CodedError[] = [];
    supervisor.onFatal.on((error) => fatal.push(error));
    newest().die();
    await clock.advance(500);
    newest().say({ kind: 'fatal', error: { code: 'database-corrupt', message: 'Corrupt.' } });
    expect(fatal.map(({ code }) => code)).toEqual(['database-corrupt']);
    await clock.advance(600_000);
    expect(children).toHaveLength(2);
  });
});

describe('stopping', () => {
  it('waits for the files to be closed, however often it is asked', async () => {
    await started();
    let stopped = false;
    const stop = Promise.all([supervisor.close(), supervisor.close()]).then(() => (stopped = true));
    await clock.advance(5000);
    expect([stopped, newest().killed]).toEqual([false, false]);
    newest().say({ kind: 'stopped' });
    await stop;
    expect(newest().kinds).toEqual(['init', 'shutdown']);
    await clock.advance(600_000);
    expect(children).toHaveLength(1);
  });

  it('ends an engine that does not stop', async () => {
    await started();
    const stop = supervisor.close();
    await clock.advance(10_000);
    await stop;
    expect(newest().killed).toBe(true);
  });

  it('does not bring back an engine that was waiting to be started again', async () => {
    await started();
    newest().die();
    await supervisor.close();
    await clock.advance(600_000);
    expect(children).toHaveLength(1);
  });

  it('tells a running engine about sleep, and nobody else', async () => {
    supervisor.tell({ kind: 'power', state: 'suspend' });
    await started();
    supervisor.tell({ kind: 'power', state: 'resume' });
    expect(newest().kinds).toEqual(['init', 'power']);
  });
});
