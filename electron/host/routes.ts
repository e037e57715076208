import { z } from 'zod';
import { CodedError } from '../base/errors.ts';
import { callSchemas } from '../contract/schema.ts';
import { sendClip } from './clip.ts';
import { HttpError } from './problem.ts';
import { parse, queryOf, timeParameter } from './request.ts';
import { accepted, body, callRoute, created, done, nothing, query, withId, type Route } from './route.ts';
import { sendJson } from './send-json.ts';
import { storageRoutes } from './storage-routes.ts';

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
const removalQuery = z
  .strictObject({ recordings: z.enum(['keep', 'delete']).default('keep') })
  .transform(({ recordings }) => ({ deleteRecordings: recordings === 'delete' }));

/** What scripts can ask of the browser host: the one list. docs/openapi.yaml describes it, and a test holds the two together. */
export const routes: readonly Route[] = [
  callRoute('GET', '/api/v1/cameras', 'cameras.list'),
  callRoute('POST', '/api/v1/cameras', 'cameras.add', body(), ({ response }, camera) =>
    sendJson(response, 201, camera, { Location: `/api/v1/cameras/${camera.id}` }),
  ),
  callRoute('GET', '/api/v1/cameras/{id}', 'cameras.get', withId('id')),
  callRoute('PATCH', '/api/v1/cameras/{id}', 'cameras.update', withId('id', body(z.looseObject({})))),
  callRoute('DELETE', '/api/v1/cameras/{id}', 'cameras.remove', withId('id', query(removalQuery)), done),
  callRoute('GET', '/api/v1/cameras/{id}/path', 'cameras.path', withId('id')),
  callRoute('POST', '/api/v1/cameras/{id}/record', 'recording.now', withId('camera', body(recordBody))),
  callRoute('DELETE', '/api/v1/cameras/{id}/record', 'recording.cancelNow', withId('camera')),
  callRoute('GET', '/api/v1/events', 'events.query', query(eventsQuery)),
  callRoute('POST', '/api/v1/events', 'events.add', body(eventBody), created),
  callRoute('GET', '/api/v1/nat', 'nat.report'),
  {
    method: 'GET',
    path: '/api/v1/archive',
    handle: async (context) => {
      nothing(context);
      const { engine, response } = context;
      const [settings, status] = await Promise.all([engine.call('archive.settings', {}), engine.call('archive.status', {})]);
      sendJson(response, 200, { settings, status });
    },
  },
  callRoute('PUT', '/api/v1/archive', 'archive.configure', body()),
  callRoute('POST', '/api/v1/archive/test', 'archive.test', body()),
  callRoute('POST', '/api/v1/archive/restore', 'archive.restore', body(), accepted),
  callRoute('GET', '/api/v1/recordings', 'recordings.query', query(cameraRange)),
  callRoute('DELETE', '/api/v1/recordings', 'recordings.delete', query(deletedRange)),
  callRoute('GET', '/api/v1/coverage', 'coverage.days', query(coverageQuery)),
  callRoute('GET', '/api/v1/healing', 'healing.status', query()),
  callRoute('GET', '/api/v1/segments', 'recordings.segments', query(cameraRange)),
  callRoute('GET', '/api/v1/timeline', 'timeline.query', async ({ engine, url }) => {
    const asked = parse(timelineQuery, queryOf(url));
    return { ...asked, cameras: asked.cameras ?? (await engine.call('cameras.list', {})).map(({ id }) => id) };
  }),
  {
    method: 'GET',
    path: '/api/v1/clip.mp4',
    handle: async ({ engine, response, url }) => {
      const { proof, ...range } = parse(clipQuery, queryOf(url));
      await sendClip(response, engine, { ...parse(callSchemas['recordings.query'], range), proof: proof === '1' });
    },
  },
  callRoute('GET', '/api/v1/frame.jpg', 'playback.jpeg', query(frameQuery), ({ response }, { bytes }) => {
    response.writeHead(200, { 'Content-Type': 'image/jpeg', 'Content-Length': bytes.length, 'Cache-Control': 'no-store' }).end(bytes);
  }),
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
