import { z } from 'zod';
import { callSchemas } from '../contract/schema.ts';
import { parse, queryOf, readJson, timeParameter } from './request.ts';
import type { Route } from './routes.ts';
import { sendJson } from './send-json.ts';

const noParameters = z.strictObject({});
const keyQuery = z.strictObject({ key: z.coerce.number() });
const folderQuery = keyQuery.extend({ recordings: z.enum(['refuse', 'forget']).default('refuse') });
const protectedQuery = z.strictObject({ camera: z.string().optional(), from: timeParameter.optional(), to: timeParameter.optional() });

/** Where recordings are kept, and what is kept whatever else goes. */
export const storageRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/storage/folders',
    handle: async ({ engine, response, url }) => {
      parse(noParameters, queryOf(url));
      sendJson(response, 200, await engine.call('storage.folders', {}));
    },
  },
  {
    method: 'POST',
    path: '/api/v1/storage/folders',
    handle: async ({ engine, response, request }) => {
      const folder = await engine.call('storage.addFolder', parse(callSchemas['storage.addFolder'], await readJson(request)));
      sendJson(response, 201, folder);
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/storage/folders',
    handle: async ({ engine, response, url }) => {
      const { key, recordings } = parse(folderQuery, queryOf(url));
      await engine.call('storage.removeFolder', parse(callSchemas['storage.removeFolder'], { key, forget: recordings === 'forget' }));
      response.writeHead(204).end();
    },
  },
  {
    method: 'GET',
    path: '/api/v1/protected',
    handle: async ({ engine, response, url }) => {
      const query = parse(callSchemas['protected.list'], parse(protectedQuery, queryOf(url)));
      sendJson(response, 200, await engine.call('protected.list', query));
    },
  },
  {
    method: 'POST',
    path: '/api/v1/protected',
    handle: async ({ engine, response, request }) => {
      sendJson(response, 201, await engine.call('protected.add', parse(callSchemas['protected.add'], await readJson(request))));
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/protected',
    handle: async ({ engine, response, url }) => {
      await engine.call('protected.remove', parse(callSchemas['protected.remove'], parse(keyQuery, queryOf(url))));
      response.writeHead(204).end();
    },
  },
];
