import { describe, expect, it } from 'vitest';
import { Backoff } from '../../electron/contract/client.ts';
import type { Port, WireMessage } from '../../electron/contract/wire.ts';
import { EngineLink, type LinkState, type LinkTimers } from './engine-link.ts';

class FakePort implements Port {
  readonly sent: WireMessage[] = [];
  say: (message: unknown) => void = () => {};
  break: () => void = () => {};
  closed = false;

  post(message: WireMessage): void {
    this.sent.push(message);
  }
  onMessage(listener: (message: unknown) => void): void {
    this.say = listener;
  }
  onClose(listener: () => void): void {
    this.break = listener;
  }
  close(): void {
    this.closed = true;
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

function setUp() {
  const ports: FakePort[] = [];
  const due: { run: () => void; ms: number }[] = [];
  const states: LinkState[] = [];
  let refuse = false;
  const timers: LinkTimers = {
    setTimeout: (run, ms) => due.push({ run, ms }),
    clearTimeout: () => {},
  };
  const link = new EngineLink(
    {
      open: () => {
        if (refuse) return Promise.reject(new Error('refused'));
        const port = new FakePort();
        ports.push(port);
        return Promise.resolve(port);
      },
    },
    { timers, backoff: new Backoff({ firstMs: 100, capMs: 1000, random: () => 1 }) },
  );
  link.onState((state) => states.push(state));
  return {
    link,
    ports,
    states,
    due,
    last: () => ports.at(-1) ?? new FakePort(),
    refuse: (value: boolean) => (refuse = value),
    async fireTimer() {
      due.shift()?.run();
      await settle();
    },
  };
}

describe('EngineLink', () => {
  it('opens once, answers calls, and gives its client to who asks', async () => {
    const { link, last, states } = setUp();
    link.start();
    link.start();
    const client = await link.ready();
    const seen: unknown[] = [];
    link.onClient((one) => seen.push(one));
    expect(seen).toEqual([client]);
    const answer = link.call('metrics', {});
    last().say({ t: 'reply', id: 1, value: 'fine' });
    expect(await answer).toBe('fine');
    expect(states).toEqual(['open']);
  });

  it('comes back by itself, later and later while nothing answers, soon again after the engine spoke', async () => {
    const { link, ports, last, states, due, refuse, fireTimer } = setUp();
    link.start();
    await link.ready();
    refuse(true);
    last().break();
    expect(states).toEqual(['open', 'reconnecting']);
    const waits: number[] = [];
    for (let i = 0; i < 5; i++) {
      waits.push(due[0]?.ms ?? 0);
      await fireTimer();
    }
    expect(waits).toEqual([100, 200, 400, 800, 1000]);
    refuse(false);
    await fireTimer();
    expect(link.state).toBe('open');
    expect(ports).toHaveLength(2);
    last().say({ t: 'reply', id: 99, value: null });
    last().break();
    expect(due[0]?.ms).toBe(100);
  });

  it('keeps backing off from a host that accepts and drops', async () => {
    const { link, last, due, fireTimer } = setUp();
    link.start();
    await link.ready();
    last().break();
    await fireTimer();
    last().break();
    expect(due[0]?.ms).toBe(200);
  });

  it('fails calls at once while there is no connection, in words', async () => {
    const { link } = setUp();
    await expect(link.call('metrics', {})).rejects.toMatchObject({ code: 'closed', message: expect.stringContaining('Try again') });
  });

  it('fails calls that were under way when it broke', async () => {
    const { link, last } = setUp();
    link.start();
    await link.ready();
    const call = link.call('metrics', {});
    last().break();
    await expect(call).rejects.toMatchObject({ code: 'closed' });
  });

  it('closes for good', async () => {
    const { link, ports, due } = setUp();
    link.start();
    await link.ready();
    link.close();
    link.close();
    expect(ports[0]?.closed).toBe(true);
    expect(due).toEqual([]);
    await expect(link.ready()).rejects.toMatchObject({ code: 'closed' });
  });
});
