import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../electron/host/routes.ts';
import { HostFixture } from './host-fixture.ts';

const invite = { kind: 'p2p', invite: 'keyhole:good' };
let host: HostFixture;
let id = '';

beforeAll(async () => {
  host = await HostFixture.start();
  id = (JSON.parse((await host.json('POST', '/api/v1/cameras', { name: 'Yard', source: invite })).body) as { id: string }).id;
});
afterAll(() => host.close());

const problemOf = (body: string) => JSON.parse(body) as { type: string; title: string; status: number; detail: string; code: string };

describe('cameras over HTTP', () => {
  it('adds, reads, renames and removes', async () => {
    const added = await host.json('POST', '/api/v1/cameras', { name: 'Till', source: invite });
    expect(added.status).toBe(201);
    const camera = JSON.parse(added.body) as { id: string; name: string };
    expect(added.headers.location).toBe(`/api/v1/cameras/${camera.id}`);
    const path = `/api/v1/cameras/${camera.id}`;
    expect((await host.json('PATCH', path, { name: 'Counter' })).status).toBe(200);
    expect(JSON.parse((await host.ask('GET', path)).body)).toMatchObject({ id: camera.id, name: 'Counter', state: 'connecting' });
    const removed = await host.ask('DELETE', `${path}?recordings=keep`);
    expect([removed.status, removed.body]).toEqual([204, '']);
    expect((await host.ask('GET', path)).status).toBe(404);
  });

  it('tells the way of a camera, and takes what it may spend on relays', async () => {
    const path = `/api/v1/cameras/${id}`;
    expect(JSON.parse((await host.ask('GET', `${path}/path`)).body)).toMatchObject({ relay: { kind: 'allow' }, relayedBytesMonth: 12 });
    const relay = { kind: 'budget', bytesPerMonth: 5_000_000_000 };
    expect(JSON.parse((await host.json('PATCH', path, { relay })).body)).toMatchObject({ name: 'Yard', relay });
    expect(JSON.parse((await host.ask('GET', `${path}/path`)).body)).toMatchObject({ relay });
    for (const bad of [
      { kind: 'budget' },
      { kind: 'budget', bytesPerMonth: 5 },
      { kind: 'sometimes' },
      { kind: 'never', bytesPerMonth: 1e9 },
    ]) {
      const answer = await host.json('PATCH', path, { relay: bad });
      expect([answer.status, problemOf(answer.body).detail]).toEqual([400, expect.stringContaining('relay')]);
    }
    expect((await host.ask('GET', '/api/v1/cameras/cam-zzzzzzzz/path')).status).toBe(404);
    expect((await host.ask('GET', `${path}/path?from=0`)).status).toBe(400);
  });

  it('says null of a NAT that nobody has looked at', async () => {
    const answer = await host.ask('GET', '/api/v1/nat');
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, null]);
  });

  it('removes without taking the recordings unless asked to', async () => {
    // The scripted engine forgets every camera when recordings are deleted: the kept one shows what was asked for.
    const doomed = JSON.parse((await host.json('POST', '/api/v1/cameras', { source: invite })).body) as { id: string };
    await host.ask('DELETE', `/api/v1/cameras/${doomed.id}`);
    expect((await host.ask('GET', `/api/v1/cameras/${id}`)).status).toBe(200);
    expect((await host.ask('DELETE', `/api/v1/cameras/${id}?recordings=perhaps`)).status).toBe(400);
  });

  it('gives an engine error its status, as problem+json', async () => {
    const answer = await host.json('POST', '/api/v1/cameras', { source: { kind: 'p2p', invite: 'keyhole:old' } });
    expect(answer.status).toBe(410);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(problemOf(answer.body)).toEqual({
      type: 'urn:keyhole:error:invite-expired',
      title: 'Gone',
      status: 410,
      detail: 'The invite has expired.',
      code: 'invite-expired',
    });
  });

  it.each([
    ['not JSON', '{', 'application/json', 400],
    ['an unknown field', JSON.stringify({ source: invite, extra: 1 }), 'application/json', 400],
    ['an unknown kind', JSON.stringify({ source: { kind: 'magic' } }), 'application/json', 400],
    ['a form, as another page could send', 'name=x', 'application/x-www-form-urlencoded', 415],
    ['text, as another page could send', JSON.stringify({ source: invite }), 'text/plain', 415],
    ['more than 64 KiB', JSON.stringify({ name: 'x'.repeat(70_000), source: invite }), 'application/json', 413],
  ])('refuses a body that is %s', async (_what, body, type, status) => {
    const answer = await host.ask('POST', '/api/v1/cameras', { ...host.bearer, 'content-type': type }, body);
    expect(answer.status).toBe(status);
    expect(problemOf(answer.body).status).toBe(status);
  });

  it.each(['..%2f..%2fetc', 'cam-AAAAAAAA', 'x', 'cam-aaaaaaaa%00'])('has nothing at the camera id %s', async (bad) => {
    expect((await host.ask('GET', `/api/v1/cameras/${bad}`)).status).toBe(404);
  });
});

describe('recordings over HTTP', () => {
  it('takes ISO 8601 and epoch milliseconds alike', async () => {
    const iso = await host.ask('GET', `/api/v1/recordings?camera=${id}&from=2026-01-31T08:00:00.250Z&to=2026-01-31T09:30:00%2B01:00`);
    const from = Date.UTC(2026, 0, 31, 8, 0, 0, 250);
    const to = Date.UTC(2026, 0, 31, 8, 30);
    expect(iso.status).toBe(200);
    expect(JSON.parse(iso.body)).toEqual({
      spans: [{ from, to: from + 1000 }],
      gaps: [{ from: from + 1000, to, reason: 'unknown', text: 'Nothing.' }],
      healed: [],
      coverage: 0.5,
    });
    expect((await host.ask('GET', `/api/v1/recordings?camera=${id}&from=${from}&to=${to}`)).body).toBe(iso.body);
  });

  it.each([
    ['no zone', 'from=2026-01-31T08:00:00&to=2026-01-31T09:00:00Z', /"from"/],
    ['no time at all', 'from=yesterday&to=now', /"from".*"to"/],
    ['a missing end', 'from=0', /"to" is missing/],
    ['the end before the start', 'from=2000&to=1000', /"from"/],
    ['a parameter twice', 'from=0&from=1&to=2', /twice/],
    ['an unknown parameter', 'from=0&to=1&colour=red', /colour/],
  ])('refuses %s and says which', async (_what, query, detail) => {
    for (const path of ['recordings', 'segments', 'clip.mp4']) {
      const answer = await host.ask('GET', `/api/v1/${path}?camera=${id}&${query}`);
      expect(answer.status).toBe(400);
      expect(problemOf(answer.body).detail).toMatch(detail);
    }
  });

  it('deletes a range, or only says what would go', async () => {
    const range = `camera=${id}&from=5&to=9`;
    expect(JSON.parse((await host.ask('DELETE', `/api/v1/recordings?${range}`)).body)).toEqual({
      from: 5,
      to: 9,
      segments: 3,
      bytes: 1000,
    });
    expect(JSON.parse((await host.ask('DELETE', `/api/v1/recordings?${range}&dryRun=true`)).body)).toMatchObject({ segments: 2 });
    for (const bad of [`${range}&dryRun=perhaps`, `camera=${id}&from=5`, `camera=${id}&from=9&to=5`])
      expect((await host.ask('DELETE', `/api/v1/recordings?${bad}`)).status).toBe(400);
  });

  it('gives coverage by day: 30 of UTC when nobody says otherwise', async () => {
    const usual = JSON.parse((await host.ask('GET', `/api/v1/coverage?camera=${id}`)).body) as unknown[];
    expect(usual).toMatchObject([{ to: 30, missing: [{ reason: 'UTC' }] }]);
    const other = await host.ask('GET', `/api/v1/coverage?camera=${id}&days=7&timeZone=Europe/Berlin`);
    expect(JSON.parse(other.body)).toMatchObject([{ to: 7, missing: [{ reason: 'Europe/Berlin' }] }]);
    for (const bad of ['days=0', 'days=367', 'days=many', 'timeZone='])
      expect((await host.ask('GET', `/api/v1/coverage?camera=${id}&${bad}`)).status).toBe(400);
  });

  it('takes "record now", for some minutes or until it is cancelled', async () => {
    const path = `/api/v1/cameras/${id}/record`;
    expect(JSON.parse((await host.json('POST', path, { minutes: 5 })).body)).toMatchObject({ recordingNow: { manual: { until: 5 } } });
    expect(JSON.parse((await host.json('POST', path, {})).body)).toMatchObject({ recordingNow: { manual: { until: null } } });
    expect(JSON.parse((await host.ask('DELETE', path)).body)).toMatchObject({ recordingNow: { manual: null } });
    for (const bad of [{ minutes: 0 }, { minutes: 1441 }, { minutes: 'many' }, { until: 5 }])
      expect((await host.json('POST', path, bad)).status).toBe(400);
  });

  it('gives events, and takes those of other systems', async () => {
    const asked = await host.ask('GET', `/api/v1/events?camera=${id}&kind=doorbell&from=1&to=2026-11-23T08:00:00Z&limit=7`);
    expect(JSON.parse(asked.body)).toMatchObject([{ camera: id, kind: 'doorbell', from: 1, to: Date.UTC(2026, 10, 23, 8), text: '7' }]);
    expect((await host.ask('GET', '/api/v1/events?from=0&to=1')).status).toBe(200);
    const added = await host.json('POST', '/api/v1/events', {
      camera: id,
      kind: 'doorbell',
      at: '2026-11-23T08:00:00Z',
      durationS: 3,
      text: 'ding',
    });
    expect([added.status, JSON.parse(added.body)]).toEqual([
      201,
      expect.objectContaining({ from: Date.UTC(2026, 10, 23, 8), to: Date.UTC(2026, 10, 23, 8) + 3_000, source: 'outside', text: 'ding' }),
    ]);
    for (const bad of [
      { kind: 'doorbell' },
      { camera: id, kind: 'Door bell' },
      { camera: id, kind: 'manual' },
      { camera: id, kind: 'x', at: 'now' },
      { camera: id, kind: 'x', durationS: 3601 },
      { camera: id, kind: 'x', durationS: 1, until: 5 },
      { camera: id, kind: 'x', text: 'x'.repeat(501) },
      { camera: id, kind: 'x', more: true },
    ])
      expect((await host.json('POST', '/api/v1/events', bad)).status).toBe(400);
    expect((await host.json('POST', '/api/v1/events', { camera: 'cam-zzzzzzzz', kind: 'x' })).status).toBe(404);
    for (const bad of ['from=0', `camera=nobody&from=0&to=1`, 'from=2&to=1', 'from=0&to=1&limit=1001'])
      expect((await host.ask('GET', `/api/v1/events?${bad}`)).status).toBe(400);
  });

  it('gives the timeline of the named cameras, or of all', async () => {
    const named = await host.ask('GET', `/api/v1/timeline?cameras=${id}&from=0&to=1000&buckets=3`);
    expect(JSON.parse(named.body)).toEqual([{ camera: id, coverage: [0.25, 0.25, 0.25], events: [2, 2, 2] }]);
    const all = JSON.parse((await host.ask('GET', '/api/v1/timeline?from=0&to=1000&buckets=1')).body) as unknown[];
    const cameras = JSON.parse((await host.ask('GET', '/api/v1/cameras')).body) as unknown[];
    expect(all).toHaveLength(cameras.length);
    expect((await host.ask('GET', '/api/v1/timeline?from=0&to=1000&buckets=0')).status).toBe(400);
  });

  it('gives the picture at a time, or the newest', async () => {
    for (const [at, means] of [
      ['now', 'now'],
      ['2026-11-23T08:00:00.000Z', Date.UTC(2026, 10, 23, 8)],
      ['1500', 1500],
    ] as const) {
      const response = await fetch(`${host.origin}/api/v1/frame.jpg?camera=${id}&at=${at}`, { headers: host.bearer });
      expect(response.headers.get('content-type')).toBe('image/jpeg');
      expect(await response.text()).toBe(`the picture at ${means}`);
    }
    expect((await fetch(`${host.origin}/api/v1/frame.jpg?camera=${id}&at=soon`, { headers: host.bearer })).status).toBe(400);
  });

  it('streams a clip whole and in order', async () => {
    const response = await fetch(`${host.origin}/api/v1/clip.mp4?camera=${id}&from=1000&to=41000`, { headers: host.bearer });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('video/mp4');
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="cam-[\w-]+\.mp4"$/);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes.length).toBe(40 * 65_536);
    const chunks = Array.from({ length: 40 }, (_, index) => bytes[index * 65_536]);
    expect(chunks).toEqual(Array.from({ length: 40 }, (_, index) => 39 - index));
  });

  it('breaks the connection when a clip breaks, so that nobody takes half for the whole', async () => {
    const response = await fetch(`${host.origin}/api/v1/clip.mp4?camera=${id}&from=0&to=10000`, { headers: host.bearer });
    expect(response.status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  it('says 404 for a clip of nothing', async () => {
    expect((await host.ask('GET', `/api/v1/clip.mp4?camera=${id}&from=5000&to=5000`)).status).toBe(404);
  });
});

describe('the rest of the interface', () => {
  it('answers /healthz without a token and /metrics only with one', async () => {
    expect(JSON.parse((await host.ask('GET', '/healthz', {})).body)).toEqual({ status: 'ok' });
    expect((await host.ask('GET', '/metrics', {})).status).toBe(401);
    const metrics = await host.ask('GET', '/metrics');
    expect(metrics.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(metrics.body).toContain('keyhole_test 1');
    expect(metrics.body).toMatch(/^keyhole_host_engine_restarts_total 0$/m);
  });

  it('knows what a path takes', async () => {
    const answer = await host.ask('PUT', '/api/v1/cameras');
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, POST']);
    for (const later of ['/whip/x', '/api/v2/cameras', '/api/v1/cameras/']) {
      const missing = await host.ask('GET', later);
      expect([later, missing.status, problemOf(missing.body).code]).toEqual([later, 404, 'not-found']);
    }
  });

  it('answers HEAD like GET, without the body', async () => {
    const head = await host.ask('HEAD', '/api/v1/cameras');
    expect([head.status, head.body]).toEqual([200, '']);
    expect(Number(head.headers['content-length'])).toBeGreaterThan(2);
  });

  it('comes back after the engine died, and says so meanwhile', async () => {
    const died = await host.json('POST', '/api/v1/cameras', { name: 'crash', source: invite });
    expect([died.status, problemOf(died.body).code]).toEqual([503, 'closed']);
    expect(died.headers['retry-after']).toBe('2');
    // A question waits for the new engine, but for the moment in which the old one's death is not known yet.
    await expect.poll(async () => (await host.ask('GET', '/api/v1/cameras')).status, { timeout: 15_000 }).toBe(200);
    expect((await host.ask('GET', '/metrics')).body).toMatch(/^keyhole_host_engine_restarts_total 1$/m);
    id = (JSON.parse((await host.json('POST', '/api/v1/cameras', { source: invite })).body) as { id: string }).id;
  });
});

describe('storage over HTTP', () => {
  it('lists, adds and removes folders; one with recordings only when they are to be forgotten', async () => {
    const path = '/api/v1/storage/folders';
    expect(JSON.parse((await host.ask('GET', path)).body)).toMatchObject([{ key: 0, state: 'ok', floorBytes: 5, recordingBytes: 50 }]);
    const added = await host.json('POST', path, { path: '/disks/two' });
    expect([added.status, JSON.parse(added.body)]).toMatchObject([201, { key: 1, path: '/disks/two' }]);
    for (const bad of [{}, { path: '' }, { path: 3 }, { path: '/x', key: 1 }])
      expect((await host.json('POST', path, bad)).status).toBe(400);
    expect((await host.ask('DELETE', `${path}?key=1`)).status).toBe(409);
    expect((await host.ask('DELETE', `${path}?key=1&recordings=forget`)).status).toBe(204);
    for (const bad of ['', '?key=x', '?key=-1', '?key=1&recordings=delete'])
      expect((await host.ask('DELETE', path + bad)).status).toBe(400);
  });

  it('protects ranges, lists them and lets them go', async () => {
    const path = '/api/v1/protected';
    const added = await host.json('POST', path, { camera: id, from: 1000, to: 2000, text: ' the fox ' });
    expect([added.status, JSON.parse(added.body)]).toEqual([
      201,
      { key: 7, camera: id, from: 1000, to: 2000, until: null, kind: 'bookmark', text: 'the fox' },
    ]);
    expect(JSON.parse((await host.ask('GET', `${path}?camera=${id}&from=5`)).body)).toMatchObject([{ camera: id, from: 5 }]);
    for (const bad of [
      { camera: id, from: 1 },
      { camera: id, from: 1, to: 2, kind: 'magic' },
      { camera: 'x', from: 1, to: 2 },
    ])
      expect((await host.json('POST', path, bad)).status).toBe(400);
    expect((await host.ask('DELETE', `${path}?key=7`)).status).toBe(204);
    expect((await host.ask('DELETE', `${path}?key=8`)).status).toBe(404);
    expect((await host.ask('DELETE', path)).status).toBe(400);
  });
});

describe('docs/openapi.yaml', () => {
  /** Paths stand two spaces deep, methods four: all the YAML that needs to be understood. */
  async function described(): Promise<string[]> {
    const lines = (await readFile(new URL('../../docs/openapi.yaml', import.meta.url), 'utf8')).split('\n');
    const found: string[] = [];
    let path = '';
    for (const line of lines.slice(lines.indexOf('paths:') + 1)) {
      if (/^\S/.test(line)) break;
      const asPath = /^ {2}(\/\S*):$/.exec(line)?.[1];
      const method = /^ {4}(get|post|put|patch|delete):$/.exec(line)?.[1];
      if (asPath) path = asPath;
      if (method) found.push(`${method.toUpperCase()} ${path}`);
    }
    return found.sort();
  }

  it('describes exactly the routes there are', async () => {
    const there = [...routes.map(({ method, path }) => `${method} ${path}`), 'GET /healthz'].sort();
    expect(await described()).toEqual(there);
  });
});
