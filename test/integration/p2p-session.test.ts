import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Facts } from '../../electron/base/log.ts';
import { P2pSource } from '../../electron/sources/p2p/source.ts';
import { StunProtocol } from 'werift';
import { IcePath } from '../../peer/path/ice-path.ts';
import { Transport } from '../../peer/session/transport.ts';
import { Program } from '../fakes/program.ts';
import { Sink, testLog, World } from './p2p-world.ts';

let world: World;
beforeEach(async () => {
  world = await new World().start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.close();
});

const paired = async () => {
  const camera = world.camera();
  const app = world.app();
  return { camera, app, known: await world.pair(app, camera.invite()) };
};

describe('a paired app', () => {
  it('gets every frame of the camera, whole, from a keyframe on, with its capture time', async () => {
    const { camera, app, known } = await paired();
    const { sink } = world.source(app, known);
    await sink.until(({ units }) => units.length >= 60);
    expect(sink.state).toBe('live');
    const [first] = sink.units;
    expect(first?.key).toBe(true);
    expect(first?.config).toMatchObject({ kind: 'video', codec: 'h264', width: 640, height: 360 });
    let last = (first?.pts ?? 0) - 3600;
    for (const unit of sink.units) {
      expect(unit.pts).toBe(last + 3600);
      last = unit.pts;
      const sent = camera.input.sent.get(unit.pts);
      expect(Buffer.from(sent?.data ?? []).equals(unit.data)).toBe(true);
      // One clock here: what is wrong is the measurement of its difference to itself, half a round trip at most.
      expect(Math.abs((sent?.utc ?? 0) - unit.utc)).toBeLessThan(50);
      expect(unit.dts).toBeLessThanOrEqual(unit.pts);
    }
    const path = sink.statuses.at(-1)?.path;
    expect(path).toMatchObject({ kind: expect.stringMatching(/^(host|srflx|prflx)$/), remote: expect.stringMatching(/:\d+$/) });
  });
});

describe('a session', () => {
  it('begins anew by itself when the camera program is killed and started again, on a new timeline', async () => {
    const run = () => {
      const program = new Program(['camera', '--source', 'test:?fps=10', '--rendezvous', world.url, '--state', `${world.dir}/killed`]);
      world.onClose(async () => void (await program.stop()));
      return program;
    };
    const program = run();
    const app = world.app();
    const known = await world.pair(app, String((await program.event('pairing')).invite));
    const { sink } = world.source(app, known);
    await sink.until(({ units }) => units.length > 0);
    await program.kill();
    await sink.until(({ statuses }) => statuses.some(({ state, reason }) => state === 'connecting' && reason?.code === 'session-lost'));
    await sink.until(({ statuses }) => statuses.some(({ state, reason }) => state === 'offline' && reason?.code === 'peer-absent'));
    const count = sink.units.length;
    run();
    await sink.until(({ units }) => units.length > count + 5, 40_000);
    expect(sink.state).toBe('live');
    expect(sink.units[count]?.timeline).not.toBe(sink.units[0]?.timeline);
    expect(sink.units[count]?.key).toBe(true);
  }, 90_000);

  it('does not care whether the rendezvous lives', async () => {
    const { app, known } = await paired();
    const { sink } = world.source(app, known);
    await sink.until(({ units }) => units.length > 0);
    await world.server?.close();
    const count = sink.units.length;
    await sink.until(({ units }) => units.length > count + 50);
    expect(sink.statuses.filter(({ state }) => state === 'live').length).toBeGreaterThan(0);
    expect(sink.statuses.at(-1)?.state).toBe('live');
  });

  it('is found again through a rendezvous that was away', async () => {
    const { app, known } = await paired();
    const port = Number(new URL(world.url).port);
    await world.server?.close();
    const { sink } = world.source(app, known);
    await sink.until(({ statuses }) =>
      statuses.some(({ state, reason }) => state === 'offline' && reason?.code === 'rendezvous-unreachable'),
    );
    await world.startRendezvous(port);
    await sink.until(({ units }) => units.length > 0, 40_000);
  }, 60_000);

  it('of an app replaces its older one, and leaves other apps alone', async () => {
    const { camera, app, known } = await paired();
    const other = world.app();
    const otherKnown = await world.pair(other, camera.invite());
    const first = world.source(app, known);
    const bystander = world.source(other, otherKnown);
    await first.sink.until(({ units }) => units.length > 0);
    await bystander.sink.until(({ units }) => units.length > 0);
    expect(camera.publisher.viewers).toBe(2);
    const ended = new Promise<void>((resolve) => first.sink.until(({ statuses }) => statuses.at(-1)?.state === 'connecting').then(resolve));
    const second = world.source(app, known);
    await second.sink.until(({ units }) => units.length > 0);
    await ended;
    await first.source.close();
    expect(camera.publisher.viewers).toBe(2);
    expect(bystander.sink.state).toBe('live');
  });

  it('that another program with the same identity takes over is not taken back at once, but looked for when told to', async () => {
    const { app, known } = await paired();
    const first = world.source(app, known);
    await first.sink.until(({ units }) => units.length > 0);
    const second = world.source(app, known);
    await first.sink.until(({ statuses }) => statuses.at(-1)?.reason?.code === 'conflict');
    const { length } = second.sink.units;
    await second.sink.until(({ units }) => units.length > length + 100);
    expect(second.sink.statuses.some(({ reason }) => reason?.code === 'conflict')).toBe(false);
    await second.source.close();
    first.source.retryNow();
    // It would wait for 15 s at least.
    await first.sink.until(({ state }) => state === 'live', 12_000);
  }, 40_000);

  it('that ends again and again as soon as it is there is begun ever more slowly', async () => {
    const { camera, app, known } = await paired();
    camera.peer.viewer.on(({ session }) => void setTimeout(() => void session.close(), 200));
    const delays: number[] = [];
    const warn = (_text: string, facts: Facts = {}) => void (typeof facts.retryMs === 'number' && delays.push(facts.retryMs));
    const sink = new Sink();
    const log = { ...testLog, warn };
    const source = new P2pSource({ identity: app, camera: known, clock: world.clock, log, events: sink.events });
    world.onClose(() => source.close());
    source.start();
    await sink.until(() => delays.length >= 3, 30_000);
    expect(delays[2]).toBeGreaterThanOrEqual(1_000);
    expect(sink.units.length).toBeGreaterThan(0);
  }, 40_000);

  it('of a peer that asks and takes no answers is ended, before they fill the memory', async () => {
    const { app, known } = await paired();
    const { sink } = world.source(app, known);
    await sink.until(({ units }) => units.length > 0);
    const backlog = vi.spyOn(Transport.prototype, 'controlBacklog', 'get').mockReturnValue(1024 * 1024);
    await sink.until(({ statuses }) => statuses.at(-1)?.reason?.code === 'session-lost');
    backlog.mockRestore();
    await sink.until(({ state }) => state === 'live');
  }, 40_000);

  it('is looked at once when the computer wakes: a dead path is not trusted, and another is found without a new session', async () => {
    const { app, known } = await paired();
    const { source, sink } = world.source(app, known);
    await sink.until(({ units }) => units.length > 0);
    source.retryNow();
    const { length } = sink.units;
    await sink.until(({ units }) => units.length > length + 75);
    expect(sink.state).toBe('live');
    // Nothing gets through any more, on any path.
    vi.spyOn(StunProtocol.prototype, 'request').mockImplementation(() => new Promise(() => {}));
    vi.spyOn(IcePath.prototype, 'send').mockReturnValue();
    source.retryNow();
    await sink.until(({ statuses }) => statuses.at(-1)?.reason?.code === 'session-lost');
    const [count, timeline] = [sink.units.length, sink.units.at(-1)?.timeline];
    vi.restoreAllMocks();
    await sink.until(({ units, state }) => units.length > count + 5 && state === 'live');
    // What was missed while nothing came cannot be gone on from: it is another timeline, and begins with a keyframe.
    expect(sink.units[count]?.timeline).not.toBe(timeline);
    expect(sink.units[count]?.key).toBe(true);
    expect(sink.statuses.map(({ reason }) => reason?.code)).not.toContain('peer-absent');
  }, 60_000);

  it('says what is wrong with the source of the camera, and goes on when it is well again', async () => {
    const { camera, app, known } = await paired();
    const { sink } = world.source(app, known);
    await sink.until(({ units }) => units.length > 0);
    camera.input.pause();
    camera.input.status.emit({ state: 'offline', reason: { code: 'rtsp-refused', text: 'The camera refuses.' } });
    await sink.until(({ statuses }) => statuses.at(-1)?.reason?.code === 'rtsp-refused');
    expect(sink.state).toBe('offline');
    const [timeline, count] = [sink.units[0]?.timeline, sink.units.length];
    camera.input.timeline += 1;
    camera.input.start();
    // What is left of the former run may still come.
    const fresh = () => sink.units.slice(count).filter((unit) => unit.timeline !== timeline);
    await sink.until(({ state }) => fresh().length > 5 && state === 'live');
    expect(fresh()[0]?.key).toBe(true);
  });

  it('that brings no frames though the camera says it is live is begun anew', async () => {
    const { camera, app, known } = await paired();
    const { sink } = world.source(app, known, { silenceMs: 1_500 });
    await sink.until(({ units }) => units.length > 0);
    camera.input.pause();
    await sink.until(({ statuses }) => statuses.some(({ reason }) => reason?.code === 'source-stalled'));
    const count = sink.units.length;
    camera.input.start();
    await sink.until(({ units }) => units.length > count);
  });

  it('loses one packet in ten and no frame', async () => {
    const { camera, app, known } = await paired();
    let packets = 0;
    const send = Transport.prototype.sendSealed;
    vi.spyOn(Transport.prototype, 'sendSealed').mockImplementation(function (this: Transport, sealed) {
      packets += 1;
      if (packets % 10 !== 3) send.call(this, sealed);
    });
    const { sink } = world.source(app, known);
    await sink.until(({ units }) => units.length >= 75);
    for (const unit of sink.units) expect(Buffer.from(camera.input.sent.get(unit.pts)?.data ?? []).equals(unit.data)).toBe(true);
    const times = sink.units.map(({ pts }) => pts);
    expect(times).toEqual(times.map((_, index) => (times[0] ?? 0) + index * 3600));
    expect(sink.statuses.at(-1)?.path?.lossPct).toBeGreaterThan(1);
  });

  it('after close nothing is emitted, whatever it was doing', async () => {
    const { app, known } = await paired();
    for (const wanted of ['connecting', 'live'] as const) {
      const { source, sink } = world.source(app, known);
      await sink.until(({ state }) => state === wanted);
      await source.close();
      const before = [sink.units.length, sink.statuses.length];
      await new Promise((resolve) => setImmediate(resolve));
      expect([sink.units.length, sink.statuses.length]).toEqual(before);
    }
  });
});
