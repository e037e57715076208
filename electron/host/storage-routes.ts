import { z } from 'zod';
import { timeParameter } from './request.ts';
import { body, callRoute, created, done, query, type Route } from './route.ts';

const keyQuery = z.strictObject({ key: z.coerce.number() });
const folderQuery = keyQuery
  .extend({ recordings: z.enum(['refuse', 'forget']).default('refuse') })
  .transform(({ key, recordings }) => ({ key, forget: recordings === 'forget' }));
const protectedQuery = z.strictObject({ camera: z.string().optional(), from: timeParameter.optional(), to: timeParameter.optional() });

/** Where recordings are kept, and what is kept whatever else goes. */
export const storageRoutes: readonly Route[] = [
  callRoute('GET', '/api/v1/storage/folders', 'storage.folders'),
  callRoute('POST', '/api/v1/storage/folders', 'storage.addFolder', body(), created),
  callRoute('DELETE', '/api/v1/storage/folders', 'storage.removeFolder', query(folderQuery), done),
  callRoute('GET', '/api/v1/protected', 'protected.list', query(protectedQuery)),
  callRoute('POST', '/api/v1/protected', 'protected.add', body(), created),
  callRoute('DELETE', '/api/v1/protected', 'protected.remove', query(keyQuery), done),
];
