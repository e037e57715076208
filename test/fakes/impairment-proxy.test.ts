import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { ImpairmentProxy, throughPort, type Lane } from './impairment-proxy.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface End {
  readonly heard: string[];
  send(text: string, port: number): void;
  /** The port that `text` comes from. */
  next(text: string): Promise<number>;
}

async function end(): Promise<End> {
  const socket: Socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  closers.push(() => socket.close());
  const heard: string[] = [];
  socket.on('message', (data) => heard.push(data.toString()));
  return {
    heard,
    send: (text, port) => socket.send(text, port, '127.0.0.1'),
    next: (text) =>
      new Promise((resolve) => socket.on('message', (data, from) => (data.toString() === text ? resolve(from.port) : undefined))),
  };
}

/** Sends `text` again and again until the other end has it: the proxy knows an end only once it has sent something. */
async function say(from: End, to: End, text: string, port: number): Promise<number> {
  const heard = to.next(text);
  const again = setInterval(() => from.send(text, port), 2);
  closers.push(() => clearInterval(again));
  return heard.finally(() => clearInterval(again));
}

/** Makes both ends known to the lane. */
async function meet(app: End, camera: End, lane: Lane): Promise<void> {
  await Promise.all([say(app, camera, 'hello camera', lane.appPort), say(camera, app, 'hello app', lane.cameraPort)]);
}

async function proxy(impairment: Omit<ConstructorParameters<typeof ImpairmentProxy>[0], 'seed'> = {}): Promise<ImpairmentProxy> {
  const made = new ImpairmentProxy({ seed: 3, ...impairment });
  closers.push(() => made.close());
  return made;
}

describe('the proxy', () => {
  it('relays both ways between whoever sends to its two ports, and each end sees only the proxy', async () => {
    const [app, camera] = [await end(), await end()];
    const lane = await (await proxy()).open();
    camera.send('nobody hears this: the other end has not shown itself', lane.cameraPort);
    expect(await Promise.all([say(app, camera, 'request', lane.appPort), say(camera, app, 'reply', lane.cameraPort)])).toEqual([
      lane.cameraPort,
      lane.appPort,
    ]);
  });

  it('impairs each direction by itself, and counts', async () => {
    const [app, camera] = [await end(), await end()];
    const bad = await proxy();
    const lane = await bad.open();
    await meet(app, camera, lane);
    bad.toCamera.change({ loss: 0.5 });
    const before = bad.toCamera.counters.sent;
    for (let number = 0; number < 200; number += 1) app.send(`question ${number}`, lane.appPort);
    await say(app, camera, 'last', lane.appPort);
    const { sent, lost } = bad.toCamera.counters;
    expect(sent - before).toBeGreaterThan(200);
    expect(lost).toBeGreaterThan(60);
    expect(camera.heard.filter((text) => text.startsWith('question')).length).toBeLessThan(150);
    const last = app.next('answer 9');
    for (let number = 0; number < 10; number += 1) camera.send(`answer ${number}`, lane.cameraPort);
    await last;
    expect(app.heard.filter((text) => text.startsWith('answer'))).toHaveLength(10);
    expect(bad.toApp.counters.lost).toBe(0);
  });

  it('keeps the lanes of several sessions apart', async () => {
    const made = await proxy();
    const [one, other] = [await made.open(), await made.open()];
    const [app, camera, otherApp, otherCamera] = await Promise.all([end(), end(), end(), end()]);
    await Promise.all([meet(app, camera, one), meet(otherApp, otherCamera, other)]);
    await Promise.all([say(app, camera, 'to one', one.appPort), say(otherApp, otherCamera, 'to the other', other.appPort)]);
    expect(camera.heard).not.toContain('to the other');
    expect(otherCamera.heard).not.toContain('to one');
  });

  it('takes the place of all candidates of a description', async () => {
    const made = await proxy();
    const lane = await made.open();
    const sdp = [
      'v=0',
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      'a=candidate:7 1 udp 1 192.168.1.2 5000 typ host',
      'a=mid:0',
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'a=candidate:7 1 udp 1 203.0.113.9 5000 typ srflx raddr 192.168.1.2 rport 5000',
      '',
    ].join('\r\n');
    const changed = throughPort(sdp, lane.cameraPort);
    expect(changed.match(/^a=candidate:.*/gm)).toEqual([`a=candidate:1 1 udp 2130706431 127.0.0.1 ${lane.cameraPort} typ host`]);
    expect(made.laneOf(changed)).toBe(lane);
    expect(made.laneOf(sdp)).toBeNull();
  });
});
