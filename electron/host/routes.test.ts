import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import type { EngineClient } from '../contract/client.ts';
import { findRoute } from './routes.ts';

const ID = 'cam-aaaaaaaa';
const RANGE = `camera=${ID}&from=1000&to=2000`;
const range = { camera: ID, from: 1_000, to: 2_000 };

/** Asks a route as HTTP does: what was called of the engine, and the answer's status. */
async function ask(method: string, target: string, body?: unknown) {
  const url = new URL(target, 'http://keyhole.invalid');
  const { route, id } = findRoute(method, url.pathname);
  const calls: [string, unknown][] = [];
  const call = (name: string, args: unknown) => {
    calls.push([name, args]);
    return Promise.resolve(name === 'cameras.list' ? [{ id: ID }] : name === 'playback.jpeg' ? { bytes: new Uint8Array(3) } : { id: ID });
  };
  const headers = { 'content-type': 'application/json' };
  const request = Object.assign(Readable.from(body === undefined ? [] : [Buffer.from(JSON.stringify(body))]), { method, headers });
  let status = 0;
  const response = {
    req: request,
    writeHead(code: number) {
      status = code;
      return this;
    },
    end() {},
  };
  await route.handle({
    request: request as unknown as IncomingMessage,
    response: response as unknown as ServerResponse,
    url,
    id,
    engine: { call } as unknown as EngineClient,
    hostMetrics: () => '',
  });
  return { status, calls };
}

it.each<[string, string, unknown, number, string, unknown]>([
  ['GET', '/api/v1/cameras', undefined, 200, 'cameras.list', {}],
  [
    'POST',
    '/api/v1/cameras',
    { source: { kind: 'rtsp', url: 'rtsp://a/' } },
    201,
    'cameras.add',
    { source: { kind: 'rtsp', url: 'rtsp://a/' } },
  ],
  ['GET', `/api/v1/cameras/${ID}`, undefined, 200, 'cameras.get', { id: ID }],
  ['PATCH', `/api/v1/cameras/${ID}`, { name: ' Yard ' }, 200, 'cameras.update', { id: ID, name: 'Yard' }],
  ['PATCH', `/api/v1/cameras/${ID}`, { id: 'cam-bbbbbbbb', name: 'Yard' }, 200, 'cameras.update', { id: ID, name: 'Yard' }],
  ['DELETE', `/api/v1/cameras/${ID}`, undefined, 204, 'cameras.remove', { id: ID, deleteRecordings: false }],
  ['DELETE', `/api/v1/cameras/${ID}?recordings=delete`, undefined, 204, 'cameras.remove', { id: ID, deleteRecordings: true }],
  ['GET', `/api/v1/cameras/${ID}/path`, undefined, 200, 'cameras.path', { id: ID }],
  ['POST', `/api/v1/cameras/${ID}/record`, {}, 200, 'recording.now', { camera: ID, minutes: null }],
  ['DELETE', `/api/v1/cameras/${ID}/record`, undefined, 200, 'recording.cancelNow', { camera: ID }],
  ['GET', '/api/v1/events?from=1000&to=2000&limit=5', undefined, 200, 'events.query', { from: 1_000, to: 2_000, limit: 5 }],
  [
    'POST',
    '/api/v1/events',
    { camera: ID, kind: 'bell', at: '1970-01-01T00:00:01Z' },
    201,
    'events.add',
    { camera: ID, kind: 'bell', at: 1_000 },
  ],
  ['GET', '/api/v1/nat', undefined, 200, 'nat.report', {}],
  ['PUT', '/api/v1/archive', { keepDays: 3 }, 200, 'archive.configure', { keepDays: 3 }],
  ['POST', '/api/v1/archive/test', {}, 200, 'archive.test', {}],
  ['POST', '/api/v1/archive/restore', {}, 202, 'archive.restore', {}],
  ['GET', `/api/v1/recordings?${RANGE}`, undefined, 200, 'recordings.query', range],
  ['DELETE', `/api/v1/recordings?${RANGE}&dryRun=true`, undefined, 200, 'recordings.delete', { ...range, dryRun: true }],
  ['GET', `/api/v1/coverage?camera=${ID}`, undefined, 200, 'coverage.days', { camera: ID, days: 30, timeZone: 'UTC' }],
  ['GET', `/api/v1/healing?camera=${ID}`, undefined, 200, 'healing.status', { camera: ID }],
  ['GET', `/api/v1/segments?${RANGE}`, undefined, 200, 'recordings.segments', range],
  ['GET', '/api/v1/timeline?from=1000&to=2000', undefined, 200, 'timeline.query', { cameras: [ID], from: 1_000, to: 2_000, buckets: 100 }],
  ['GET', `/api/v1/frame.jpg?camera=${ID}&at=now`, undefined, 200, 'playback.jpeg', { camera: ID, at: 'now' }],
  ['GET', '/api/v1/storage/folders', undefined, 200, 'storage.folders', {}],
  ['POST', '/api/v1/storage/folders', { path: '/disk' }, 201, 'storage.addFolder', { path: '/disk' }],
  ['DELETE', '/api/v1/storage/folders?key=2', undefined, 204, 'storage.removeFolder', { key: 2, forget: false }],
  ['DELETE', '/api/v1/storage/folders?key=2&recordings=forget', undefined, 204, 'storage.removeFolder', { key: 2, forget: true }],
  ['GET', `/api/v1/protected?camera=${ID}`, undefined, 200, 'protected.list', { camera: ID }],
  ['POST', '/api/v1/protected', range, 201, 'protected.add', range],
  ['DELETE', '/api/v1/protected?key=7', undefined, 204, 'protected.remove', { key: 7 }],
])('%s %s is one call', async (method, target, body, status, name, args) => {
  const { status: answered, calls } = await ask(method, target, body);
  expect({ answered, call: calls.at(-1) }).toEqual({ answered: status, call: [name, args] });
});

it.each([
  ['GET', '/api/v1/cameras?x=1'],
  ['GET', `/api/v1/cameras/${ID}?x=1`],
  ['GET', '/api/v1/archive?x=1'],
  ['DELETE', `/api/v1/cameras/${ID}?recordings=all`],
  ['GET', '/api/v1/recordings?camera=yard&from=1&to=2'],
  ['GET', `/api/v1/recordings?camera=${ID}&from=1&from=1&to=2`],
  ['DELETE', '/api/v1/protected?key=1.5'],
  ['POST', '/api/v1/cameras'],
])('%s %s is refused before anything is called', async (method, target) => {
  await expect(ask(method, target, {})).rejects.toMatchObject({ code: 'bad-request' });
});
