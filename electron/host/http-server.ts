import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { CodedError, asCoded } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { EngineClient } from '../contract/client.ts';
import type { ContractSockets } from './contract-socket.ts';
import { SECURITY_HEADERS, contentSecurityPolicy } from './csp.ts';
import { sendDoor } from './door.ts';
import { unauthorized, type Guard } from './guard.ts';
import { readPageFile } from './page-files.ts';
import { problemOf, sendProblem } from './problem.ts';
import { findRoute } from './routes.ts';
import type { Sessions } from './sessions.ts';

export const CONTRACT_PATH = '/api/v1/contract';
const MAX_SOCKETS = 256;

export interface HttpDeps {
  readonly sessions: Sessions;
  readonly guard: Guard;
  readonly sockets: ContractSockets;
  readonly pageFolder: string;
  readonly port: () => number;
  readonly engine: () => Promise<EngineClient>;
  readonly engineReady: () => boolean;
  readonly hostMetrics: () => string;
  /** A one-time link was used; the next browser needs another. */
  readonly onLinkUsed: () => void;
  readonly log: Log;
}

/** The browser host's HTTP: every request passes the same checks in the same order before anything is looked up. */
export function createHttpServer(deps: HttpDeps): Server {
  const server = createServer({ maxHeaderSize: 16 * 1024, requestTimeout: 30_000, headersTimeout: 15_000 });
  server.maxConnections = MAX_SOCKETS;
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answer(deps, request, response).catch((error: unknown) => {
      const coded = asCoded(error);
      if (coded.code === 'internal') deps.log.error(`${request.method} ${request.url?.split('?')[0]} failed: ${coded.message}`);
      sendProblem(response, coded);
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    upgrade(deps, request, socket, head).catch((error: unknown) => refuseUpgrade(socket, error));
  });
  return server;
}

async function answer(deps: HttpDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
  deps.guard.checkHostAndOrigin(request);
  response.setHeader('Content-Security-Policy', contentSecurityPolicy([`ws://${request.headers.host}`]));
  const url = urlOf(request);
  const reading = request.method === 'GET' || request.method === 'HEAD';
  if (reading && url.pathname === '/healthz') return sendHealth(deps, response);
  if (request.method === 'GET' && url.pathname === '/' && url.searchParams.has('token')) return redeem(deps, url, request, response);
  const credential = deps.guard.credential(request);
  if (!credential) {
    if (isNavigation(request)) return sendDoor(request, response);
    throw unauthorized();
  }
  if (url.pathname.startsWith('/api/') || url.pathname === '/metrics') {
    const { route, id } = findRoute(request.method ?? '', url.pathname);
    return route.handle({ request, response, url, id, engine: await deps.engine(), hostMetrics: deps.hostMetrics });
  }
  if (!reading) throw new CodedError('not-found', `There is nothing at ${url.pathname} that takes ${request.method}.`);
  await sendPage(deps, url.pathname, credential, response);
}

async function sendPage(deps: HttpDeps, path: string, credential: 'bearer' | 'cookie', response: ServerResponse): Promise<void> {
  const file = await readPageFile(deps.pageFolder, path);
  if (!file) throw new CodedError('not-found', `The page has no file ${path}.`);
  // Whoever opens the page with the token in a header needs the cookie for what the page itself asks for.
  if (credential === 'bearer' && path === '/')
    response.setHeader('Set-Cookie', deps.sessions.setCookie(deps.port(), deps.sessions.newCookie()));
  response.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.body.length, 'Cache-Control': file.cache });
  response.end(response.req.method === 'HEAD' ? undefined : file.body);
}

/** `/?token=…` becomes the cookie, and the token leaves the address bar. */
function redeem(deps: HttpDeps, url: URL, request: IncomingMessage, response: ServerResponse): void {
  const cookie = deps.sessions.redeem(url.searchParams.get('token') ?? '');
  // A used link opened again by a browser that is let in already: just show the page.
  if (!cookie && !deps.guard.credential(request)) return sendDoor(request, response, true);
  const headers: Record<string, string> = { 'Location': '/', 'Cache-Control': 'no-store' };
  if (cookie) headers['Set-Cookie'] = deps.sessions.setCookie(deps.port(), cookie);
  response.writeHead(303, headers).end();
  if (cookie) deps.onLinkUsed();
}

function sendHealth(deps: HttpDeps, response: ServerResponse): void {
  const ready = deps.engineReady();
  const body = JSON.stringify({ status: ready ? 'ok' : 'starting' }) + '\n';
  response.writeHead(ready ? 200 : 503, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

async function upgrade(deps: HttpDeps, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  deps.guard.checkSocket(request);
  if (urlOf(request).pathname !== CONTRACT_PATH)
    throw new CodedError('not-found', `There is no WebSocket there; it is at ${CONTRACT_PATH}.`);
  await deps.sockets.accept(request, socket, head);
}

function refuseUpgrade(socket: Duplex, error: unknown): void {
  const { status, headers, body } = problemOf(error);
  const lines = Object.entries({ ...headers, 'Content-Length': String(Buffer.byteLength(body)), 'Connection': 'close' });
  socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`);
}

function urlOf(request: IncomingMessage): URL {
  const target = request.url ?? '/';
  // The path as it was sent: `new URL` would fold `..` away before we look at it.
  // A backslash is a slash to `new URL`: what follows would be taken for a host.
  if (!/^\/(?![/\\])/.test(target)) throw new CodedError('bad-request', 'The request target is not a path.');
  return new URL(target, 'http://keyhole.invalid');
}

function isNavigation(request: IncomingMessage): boolean {
  return request.method === 'GET' && (request.headers.accept ?? '').includes('text/html') && !request.url?.startsWith('/api/');
}
