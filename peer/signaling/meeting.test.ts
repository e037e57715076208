import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SimulatedClock, systemClock, type Clock } from '../../electron/base/clock.ts';
import { CodedError } from '../../electron/base/errors.ts';
import { silentLog } from '../../electron/base/log.ts';
import { DEFAULT_LIMITS } from '../../rendezvous/limits.ts';
import { RendezvousServer } from '../../rendezvous/server.ts';
import { DEAD_RENDEZVOUS, hangingRendezvous, lyingRendezvous, type BadPlace } from '../../test/fakes/rendezvous.ts';
import { createIdentity, type Identity } from '../identity.ts';
import { MeetingPlaces } from './meeting-places.ts';
import { meet, type LanFinder, type Meeting, type MeetOptions } from './meeting.ts';
import { RendezvousClient } from './rendezvous-client.ts';
import { SecureListener } from './secure-listener.ts';

const TIMEOUT_MS = 4_000;
let closers: (() => unknown)[];
let camera: Identity;
let app: Identity;
beforeEach(() => {
  closers = [];
  camera = createIdentity(randomBytes(32));
  app = createIdentity(randomBytes(32));
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

interface Place {
  readonly url: string;
  readonly server: RendezvousServer;
}

async function rendezvous(): Promise<Place> {
  const server = new RendezvousServer({ clock: systemClock, log: silentLog, limits: DEFAULT_LIMITS, stunPort: () => 3478 });
  closers.push(() => server.close());
  return { url: `ws://127.0.0.1:${await server.start('127.0.0.1', 0)}`, server };
}

/** A rendezvous where the camera is; it says to whoever asks which one it is. */
async function placeOfCamera(): Promise<Place> {
  const place = await rendezvous();
  const client = new RendezvousClient({ url: place.url, addressKey: camera.addressKey, clock: systemClock, log: silentLog });
  const listener: SecureListener = new SecureListener({
    client,
    identity: camera,
    clock: systemClock,
    log: silentLog,
    onChannel: (channel) => channel.send({ type: 'paired', name: place.url }),
  });
  closers.push(() => {
    listener.close();
    client.close();
  });
  client.start();
  await client.registered(TIMEOUT_MS);
  return place;
}

async function bad(make: () => Promise<BadPlace>): Promise<BadPlace> {
  const place = await make();
  closers.push(() => place.close());
  return place;
}

function options(urls: readonly string[], clock: Clock, more: Partial<MeetOptions> = {}): MeetOptions {
  const remote = { publicKey: camera.publicKey, address: camera.addressKey.address };
  return { rendezvous: urls, camera: remote, identity: app, clock, log: silentLog, timeoutMs: TIMEOUT_MS, ...more };
}

async function meets(urls: readonly string[], clock: Clock = systemClock, more: Partial<MeetOptions> = {}): Promise<Meeting> {
  const meeting = await meet(options(urls, clock, more));
  closers.push(() => meeting.close());
  return meeting;
}

/** Resolves when the simulated time that goes on meanwhile has settled `promise`. */
async function settled<T>(promise: Promise<T>, clock: SimulatedClock): Promise<T> {
  let done = false;
  const over = () => (done = true);
  promise.then(over, over);
  while (!done) await clock.advance(10);
  return promise;
}

describe('a meeting', () => {
  it('is at the favourite alone when that is quick: nobody else is asked', async () => {
    const [first, second] = [await placeOfCamera(), await placeOfCamera()];
    const before = second.server.counters.connections;
    const meeting = await meets([first.url, second.url], new SimulatedClock());
    expect(meeting).toMatchObject({ via: first.url, kind: 'rendezvous', ice: { stun: ['stun:127.0.0.1:3478'] } });
    expect(await meeting.link.ask({ type: 'offer', sdp: '' }, TIMEOUT_MS)).toEqual({ type: 'paired', name: first.url });
    expect(second.server.counters.connections).toBe(before);
  });

  it('is at another when the favourite hangs, without waiting for it', async () => {
    const hangs = await bad(hangingRendezvous);
    const works = await placeOfCamera();
    const clock = new SimulatedClock();
    const meeting = meets([hangs.url, works.url], clock);
    await clock.advance(249);
    expect(works.server.counters.peers).toBe(1);
    await clock.advance(1);
    expect(await meeting).toMatchObject({ via: works.url });
    // Far from the time after which the favourite would be given up.
    expect(clock.monotonic()).toBeLessThan(TIMEOUT_MS);
  });

  it('is at another at once when the favourite fails, is without the camera, or lies', async () => {
    const liar = await bad(lyingRendezvous);
    const empty = await rendezvous();
    const works = await placeOfCamera();
    // The clock stands still: nothing here waits for time to pass.
    for (const favourite of [DEAD_RENDEZVOUS, empty.url, liar.url])
      expect(await meets([favourite, works.url], new SimulatedClock())).toMatchObject({ via: works.url });
    expect(liar.connections()).toBe(1);
  });

  it('lets go of the places that were not needed', async () => {
    const hangs = await bad(hangingRendezvous);
    const [empty, works] = [await rendezvous(), await placeOfCamera()];
    const clock = new SimulatedClock();
    const begun = meets([hangs.url, empty.url, works.url], clock);
    await clock.advance(250);
    const meeting = await begun;
    await vi.waitFor(() => expect(empty.server.counters.connections).toBe(0));
    meeting.close();
    await vi.waitFor(() => expect(works.server.counters.peers).toBe(1));
  });

  it('that is nowhere says what weighs most: somebody in between, then that the camera is not there', async () => {
    const liar = await bad(lyingRendezvous);
    const empty = await rendezvous();
    await expect(meets([DEAD_RENDEZVOUS, liar.url, empty.url])).rejects.toMatchObject({ code: 'identity-mismatch' });
    await expect(meets([empty.url, DEAD_RENDEZVOUS])).rejects.toMatchObject({ code: 'peer-absent' });
    await expect(meets([DEAD_RENDEZVOUS])).rejects.toMatchObject({ code: 'rendezvous-unreachable' });
    await expect(meets([])).rejects.toMatchObject({ code: 'peer-absent' });
  });

  it('ends when all places hang', async () => {
    const hangs = await bad(hangingRendezvous);
    const other = await bad(hangingRendezvous);
    const clock = new SimulatedClock();
    await expect(settled(meets([hangs.url, other.url], clock), clock)).rejects.toMatchObject({ code: 'rendezvous-unreachable' });
    expect([hangs.connections(), other.connections()]).toEqual([1, 1]);
  });

  it('ends at once when nobody wants it any more', async () => {
    const hangs = await bad(hangingRendezvous);
    const stop = new AbortController();
    const meeting = meets([hangs.url], new SimulatedClock(), { signal: stop.signal });
    stop.abort();
    await expect(meeting).rejects.toMatchObject({ code: 'closed' });
    await expect(meets([hangs.url], systemClock, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'closed' });
  });
});

/** Finds what it is told to. */
class Network implements LanFinder {
  readonly #listeners = new Set<(url: string) => void>();
  asked: string[] = [];

  find(address: string, found: (url: string) => void): () => void {
    this.asked.push(address);
    this.#listeners.add(found);
    return () => this.#listeners.delete(found);
  }

  says(url: string): void {
    for (const found of this.#listeners) found(url);
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

describe('a meeting on this network', () => {
  it('needs no rendezvous, and takes no servers from what is found', async () => {
    const lan = new Network();
    const works = await placeOfCamera();
    const meeting = meets([], new SimulatedClock(), { lan });
    lan.says(works.url);
    expect(await meeting).toMatchObject({ via: works.url, kind: 'lan', ice: { stun: [], turn: [] } });
    expect(lan.asked).toEqual([camera.addressKey.address]);
    expect(lan.listeners).toBe(0);
  });

  it('is raced with the rendezvous, without a delay', async () => {
    const lan = new Network();
    const hangs = await bad(hangingRendezvous);
    const works = await placeOfCamera();
    const meeting = meets([hangs.url], new SimulatedClock(), { lan });
    lan.says(works.url);
    expect(await meeting).toMatchObject({ kind: 'lan' });
  });

  it('is waited for when all rendezvous have failed', async () => {
    const lan = new Network();
    const works = await placeOfCamera();
    const clock = new SimulatedClock();
    const meeting = meets([DEAD_RENDEZVOUS], clock, { lan });
    await clock.advance(1_000);
    lan.says(works.url);
    expect(await meeting).toMatchObject({ via: works.url });
  });

  it('that is not there says so', async () => {
    const lan = new Network();
    const clock = new SimulatedClock();
    await expect(settled(meets([], clock, { lan }), clock)).rejects.toMatchObject({
      code: 'peer-absent',
      message: expect.stringContaining('on this network') as string,
    });
    await expect(settled(meets([DEAD_RENDEZVOUS], clock, { lan }), clock)).rejects.toMatchObject({ code: 'rendezvous-unreachable' });
  });

  it('is tried at a bounded number of places, and liars do not hide the camera', async () => {
    const lan = new Network();
    const liar = await bad(lyingRendezvous);
    const [works, rest] = [await placeOfCamera(), await bad(hangingRendezvous)];
    const meeting = meets([], systemClock, { lan });
    lan.says(liar.url);
    lan.says(liar.url);
    lan.says(works.url);
    expect(await meeting).toMatchObject({ via: works.url });
    expect(liar.connections()).toBe(1);
    const crowded = meets([works.url], systemClock, { lan });
    for (let n = 0; n < 50; n += 1) lan.says(`${rest.url}/${n}`);
    expect(await crowded).toMatchObject({ via: works.url });
    expect(rest.connections()).toBeLessThanOrEqual(8);
  });
});

describe('the places of a camera', () => {
  const places = (urls: readonly string[], more: Partial<MeetOptions> = {}) => new MeetingPlaces(options(urls, systemClock, more));
  const askName = ({ link }: Meeting) => link.ask({ type: 'offer', sdp: '' }, TIMEOUT_MS);

  it('are used one after the other when they are lost in the middle of the work', async () => {
    const all = [await placeOfCamera(), await placeOfCamera(), await placeOfCamera()];
    const [first, second, third] = all.map(({ url }) => url);
    const met: string[] = [];
    const of = places(all.map(({ url }) => url));
    const reply = await of.use(async (meeting) => {
      met.push(meeting.via);
      if (meeting.via !== third) await all.find(({ url }) => url === meeting.via)?.server.close();
      return askName(meeting);
    });
    expect(met).toEqual([first, second, third]);
    expect(reply).toEqual({ type: 'paired', name: third });
    expect(of.rendezvous).toEqual([third, first, second]);
  });

  it('remember what worked, and leave for the end what came to nothing', async () => {
    const [a, b] = [await placeOfCamera(), await placeOfCamera()];
    const of = places([DEAD_RENDEZVOUS, a.url, b.url]);
    await of.use(askName);
    const [favourite] = of.rendezvous;
    expect(favourite).not.toBe(DEAD_RENDEZVOUS);
    // What fails is not the place itself, as far as can be known: the servers it gives may be bad.
    const failure = new CodedError('ice-failed', 'No way to the camera.');
    await expect(of.use(() => Promise.reject(failure))).rejects.toBe(failure);
    expect(of.rendezvous.at(-1)).toBe(favourite);
  });

  it('do not ask again where the camera itself has spoken', async () => {
    const of = places([(await placeOfCamera()).url, (await placeOfCamera()).url]);
    let asked = 0;
    const refused = of.use(() => {
      asked += 1;
      return Promise.reject(new CodedError('not-paired', 'No.'));
    });
    await expect(refused).rejects.toMatchObject({ code: 'not-paired' });
    expect(asked).toBe(1);
  });

  it('are left one by one, and what the work came to is said when none is left', async () => {
    const of = places([(await placeOfCamera()).url, (await placeOfCamera()).url]);
    let asked = 0;
    const failing = of.use(() => {
      asked += 1;
      return Promise.reject(new CodedError('rendezvous-unreachable', `Lost ${asked}.`));
    });
    await expect(failing).rejects.toMatchObject({ code: 'rendezvous-unreachable', message: 'Lost 2.' });
    expect(asked).toBe(2);
  });

  it('on this network are left for a rendezvous after they came to nothing', async () => {
    const onLan = await placeOfCamera();
    const works = await placeOfCamera();
    const hangs = await bad(hangingRendezvous);
    const lan: LanFinder = {
      find: (_address, found) => {
        found(onLan.url);
        return () => {};
      },
    };
    const clock = new SimulatedClock();
    const of = places([hangs.url, works.url], { lan, clock });
    const failed = of.use(({ kind }) => Promise.reject(new CodedError('ice-failed', kind)));
    await expect(failed).rejects.toMatchObject({ message: 'lan' });
    const next = of.use(({ via }) => Promise.resolve(via));
    await clock.advance(250);
    expect(await next).toBe(works.url);
  });
});
