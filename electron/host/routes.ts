import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { CodedError } from '../base/errors.ts';
import type { EngineClient } from '../contract/client.ts';
import { callSchemas } from '../contract/schema.ts';
import { sendClip } from './clip.ts';
import { HttpError } from './problem.ts';
import { sendJson } from './send-json.ts';
import { storageRoutes } from './storage-routes.ts';
import { parse, queryOf, readJson, timeParameter } from './request.ts';

export interface RouteContext {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** The `{id}` of the path. */
  readonly id: string;
  readonly engine: EngineClient;
  /** The host's own metrics, as Prometheus text. */
  readonly hostMetrics: () => string;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As in docs/openapi.yaml: `{id}` stands for a camera's id. */
  readonly path: string;
  handle(context: RouteContext): Promise<void>;
}

const cameraRange = z.strictObject({ camera: z.string(), from: timeParameter, to: timeParameter });
const clipQuery = cameraRange.extend({ proof: z.enum(['0', '1']).default('0') });
const deletedRange = cameraRange.extend({
  dryRun: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true'),
});
const coverageQuery = z.strictObject({ camera: z.string(), days: z.coerce.number().default(30), timeZone: z.string().default('UTC') });
const timelineQuery = z.strictObject({
  cameras: z
    .string()
    .transform((text) => text.split(',').filter(Boolean))
    .optional(),
  from: timeParameter,
  to: timeParameter,
  buckets: z.coerce.number().default(100),
});
const frameQuery = z.strictObject({ camera: z.string(), at: z.union([z.literal('now'), timeParameter]) });
const eventsQuery = z.strictObject({
  camera: z.string().optional(),
  kind: z.string().optional(),
  from: timeParameter,
  to: timeParameter,
  limit: z.coerce.number().optional(),
});
/** Times as in queries: epoch milliseconds or ISO 8601. */
const bodyTime = z.union([z.number(), timeParameter]).optional();
const eventBody = z.looseObject({ at: bodyTime, until: bodyTime });
const recordBody = z.strictObject({ minutes: z.number().nullable().default(null) });
const noParameters = z.strictObject({});
const deleteQuery = z.strictObject({ recordings: z.enum(['keep', 'delete']).default('keep') });

/** What scripts can ask of the browser host: the one list. docs/openapi.yaml describes it, and a test holds the two together. */
export const routes: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/cameras',
    handle: async ({ engine, response, url }) => {
      parse(noParameters, queryOf(url));
      sendJson(response, 200, await engine.call('cameras.list', {}));
    },
  },
  {
    method: 'POST',
    path: '/api/v1/cameras',
    handle: async ({ engine, response, request }) => {
      const camera = await engine.call('cameras.add', parse(callSchemas['cameras.add'], await readJson(request)));
      sendJson(response, 201, camera, { Location: `/api/v1/cameras/${camera.id}` });
    },
  },
  {
    method: 'GET',
    path: '/api/v1/cameras/{id}',
    handle: async ({ engine, response, id }) => {
      sendJson(response, 200, await engine.call('cameras.get', parse(callSchemas['cameras.get'], { id })));
    },
  },
  {
    method: 'PATCH',
    path: '/api/v1/cameras/{id}',
    handle: async ({ engine, response, request, id }) => {
      const body = parse(z.looseObject({}), await readJson(request));
      sendJson(response, 200, await engine.call('cameras.update', parse(callSchemas['cameras.update'], { ...body, id })));
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/cameras/{id}',
    handle: async ({ engine, response, url, id }) => {
      const { recordings } = parse(deleteQuery, queryOf(url));
      await engine.call('cameras.remove', parse(callSchemas['cameras.remove'], { id, deleteRecordings: recordings === 'delete' }));
      response.writeHead(204).end();
    },
  },
  {
    method: 'GET',
    path: '/api/v1/cameras/{id}/path',
    handle: async ({ engine, response, url, id }) => {
      parse(noParameters, queryOf(url));
      sendJson(response, 200, await engine.call('cameras.path', parse(callSchemas['cameras.path'], { id })));
    },
  },
  {
    method: 'POST',
    path: '/api/v1/cameras/{id}/record',
    handle: async ({ engine, response, request, id }) => {
      const body = parse(recordBody, await readJson(request));
      sendJson(response, 200, await engine.call('recording.now', parse(callSchemas['recording.now'], { ...body, camera: id })));
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/cameras/{id}/record',
    handle: async ({ engine, response, url, id }) => {
      parse(noParameters, queryOf(url));
      sendJson(response, 200, await engine.call('recording.cancelNow', parse(callSchemas['recording.cancelNow'], { camera: id })));
    },
  },
  {
    method: 'GET',
    path: '/api/v1/events',
    handle: async ({ engine, response, url }) => {
      const query = parse(callSchemas['events.query'], parse(eventsQuery, queryOf(url)));
      sendJson(response, 200, await engine.call('events.query', query));
    },
  },
  {
    method: 'POST',
    path: '/api/v1/events',
    handle: async ({ engine, response, request }) => {
      const event = parse(eventBody, await readJson(request));
      sendJson(response, 201, await engine.call('events.add', parse(callSchemas['events.add'], event)));
    },
  },
  {
    method: 'GET',
    path: '/api/v1/nat',
    handle: async ({ engine, response, url }) => {
      parse(noParameters, queryOf(url));
      sendJson(response, 200, await engine.call('nat.report', {}));
    },
  },
  {
    method: 'GET',
    path: '/api/v1/archive',
    handle: async ({ engine, response, url }) => {
      parse(noParameters, queryOf(url));
      const [settings, status] = await Promise.all([engine.call('archive.settings', {}), engine.call('archive.status', {})]);
      sendJson(response, 200, { settings, status });
    },
  },
  {
    method: 'PUT',
    path: '/api/v1/archive',
    handle: async ({ engine, response, request }) => {
      const changes = parse(callSchemas['archive.configure'], await readJson(request));
      sendJson(response, 200, await engine.call('archive.configure', changes));
    },
  },
  {
    method: 'POST',
    path: '/api/v1/archive/test',
    handle: async ({ engine, response, request }) => {
      sendJson(response, 200, await engine.call('archive.test', parse(callSchemas['archive.test'], await readJson(request))));
    },
  },
  {
    method: 'POST',
    path: '/api/v1/archive/restore',
    handle: async ({ engine, response, request }) => {
      sendJson(response, 202, await engine.call('archive.restore', parse(callSchemas['archive.restore'], await readJson(request))));
    },
  },
  {
    method: 'GET',
    path: '/api/v1/recordings',
    handle: async ({ engine, response, url }) => {
      const range = parse(callSchemas['recordings.query'], parse(cameraRange, queryOf(url)));
      sendJson(response, 200, await engine.call('recordings.query', range));
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/recordings',
    handle: async ({ engine, response, url }) => {
      const range = parse(callSchemas['recordings.delete'], parse(deletedRange, queryOf(url)));
      sendJson(response, 200, await engine.call('recordings.delete', range));
    },
  },
  {
    method: 'GET',
    path: '/api/v1/coverage',
    handle: async ({ engine, response, url }) => {
      const query = parse(callSchemas['coverage.days'], parse(coverageQuery, queryOf(url)));
      sendJson(response, 200, await engine.call('coverage.days', query));
    },
  },
  {
    method: 'GET',
    path: '/api/v1/healing',
    handle: async ({ engine, response, url }) => {
      sendJson(response, 200, await engine.call('healing.status', parse(callSchemas['healing.status'], queryOf(url))));
    },
  },
  {
    method: 'GET',
    path: '/api/v1/segments',
    handle: async ({ engine, response, url }) => {
      const range = parse(callSchemas['recordings.segments'], parse(cameraRange, queryOf(url)));
      sendJson(response, 200, await engine.call('recordings.segments', range));
    },
  },
  {
    method: 'GET',
    path: '/api/v1/timeline',
    handle: async ({ engine, response, url }) => {
      const query = parse(timelineQuery, queryOf(url));
      const cameras = query.cameras ?? (await engine.call('cameras.list', {})).map((camera) => camera.id);
      sendJson(response, 200, await engine.call('timeline.query', parse(callSchemas['timeline.query'], { ...query, cameras })));
    },
  },
  {
    method: 'GET',
    path: '/api/v1/clip.mp4',
    handle: async ({ engine, response, url }) => {
      const { proof, ...range } = parse(clipQuery, queryOf(url));
      await sendClip(response, engine, { ...parse(callSchemas['recordings.query'], range), proof: proof === '1' });
    },
  },
  {
    method: 'GET',
    path: '/api/v1/frame.jpg',
    handle: async ({ engine, response, url }) => {
      const { bytes } = await engine.call('playback.jpeg', parse(callSchemas['playback.jpeg'], parse(frameQuery, queryOf(url))));
      response.writeHead(200, { 'Content-Type': 'image/jpeg', 'Content-Length': bytes.length, 'Cache-Control': 'no-store' }).end(bytes);
    },
  },
  ...storageRoutes,
  {
    method: 'GET',
    path: '/metrics',
    handle: async ({ engine, response, hostMetrics }) => {
      const text = (await engine.call('metrics', {})) + hostMetrics();
      response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control': 'no-store' }).end(text);
    },
  },
];

/** The route and its `{id}`; throws 404, or 405 with what the path allows. */
export function findRoute(method: string, path: string): { route: Route; id: string } {
  const there = routes.flatMap((route) => {
    const match = patternOf(route.path).exec(path);
    return match ? [{ route, id: match.groups?.id ?? '' }] : [];
  });
  const asked = method === 'HEAD' ? 'GET' : method;
  const found = there.find(({ route }) => route.method === asked);
  if (found) return found;
  if (there.length === 0) throw new CodedError('not-found', `There is nothing at ${path}. docs/openapi.yaml lists what there is.`);
  const allow = there.map(({ route }) => route.method).join(', ');
  throw new HttpError(405, 'bad-request', `${path} does not take ${method}; it takes ${allow}.`, { Allow: allow });
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replace('{id}', '(?<id>cam-[a-z2-7]{8})')}$`);
}
