import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { CallArgs, CallName, CallReply } from '../contract/api.ts';
import type { EngineClient } from '../contract/client.ts';
import { callSchemas } from '../contract/schema.ts';
import { parse, queryOf, readJson } from './request.ts';
import { sendJson } from './send-json.ts';

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

/** What is asked with, before the call's own schema has seen it. Errors: `bad-request`. */
export type Asked = (context: RouteContext) => unknown;

/** No parameters. */
export const nothing: Asked = ({ url }) => parse(z.strictObject({}), queryOf(url));

/** @param schema what texts become; as they are when left out */
export const query =
  (schema: z.ZodType = z.unknown()): Asked =>
  ({ url }) =>
    parse(schema, queryOf(url));

/** @param schema of what is not as the call takes it */
export const body =
  (schema: z.ZodType = z.unknown()): Asked =>
  async ({ request }) =>
    parse(schema, await readJson(request));

/** With the `{id}` of the path under this name. */
export const withId =
  (name: 'id' | 'camera', asked: Asked = nothing): Asked =>
  async (context) => ({ ...((await asked(context)) as object), [name]: context.id });

/** How most answer: 200 with what the call gave. */
type Answer<N extends CallName> = (context: RouteContext, reply: CallReply<N>) => void;

export const created: Answer<CallName> = ({ response }, reply) => sendJson(response, 201, reply);
export const accepted: Answer<CallName> = ({ response }, reply) => sendJson(response, 202, reply);
export const done: Answer<CallName> = ({ response }) => void response.writeHead(204).end();
const ok: Answer<CallName> = ({ response }, reply) => sendJson(response, 200, reply);

/** A route that is one call of the contract. */
export function callRoute<N extends CallName>(
  method: Route['method'],
  path: string,
  name: N,
  asked: Asked = nothing,
  answer: Answer<N> = ok,
): Route {
  // The table says so of each name; TypeScript does not see it of any.
  const schema = callSchemas[name] as z.ZodType as z.ZodType<CallArgs<N>>;
  return {
    method,
    path,
    handle: async (context) => answer(context, await context.engine.call(name, parse(schema, await asked(context)))),
  };
}
