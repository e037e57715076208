import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

/** `app://ui` as Chromium without Electron can load it: http://ui.localhost:PORT, which is a secure context, too. */

export type ProtocolHandler = (request: Request) => Promise<Response>;
export const handlers = new Map<string, ProtocolHandler>();
export const scheme = new Map<string, Record<string, boolean>>();
export const ipcMain = new EventEmitter();

/** The isolated world of a page that has just been loaded. */
export const pages = new EventEmitter<{ page: [WebSocket, string] }>();

let port = 0;

export const toHttp = (url: string) => url.replace(/^app:\/\/ui/, `http://ui.localhost:${port}`);
const toApp = (url: string) => url.replace(new RegExp(`^http://ui\\.localhost:${port}(?=/|$)`), 'app://ui');

export async function serveUi(): Promise<void> {
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  const sockets = new WebSocketServer({ server, path: '/__standin', maxPayload: 64 * 1024 * 1024 });
  sockets.on('connection', (socket) => {
    socket.once('message', (data: Buffer) => pages.emit('page', socket, toApp(data.toString('utf8'))));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  port = (server.address() as AddressInfo).port;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const handler = handlers.get('app');
  if (!handler || request.headers.host !== `ui.localhost:${port}`) return void response.writeHead(404).end();
  const result = await handler(new Request(`app://ui${request.url ?? '/'}`, { method: request.method ?? 'GET' }));
  response.writeHead(result.status, Object.fromEntries(result.headers));
  response.end(new Uint8Array(await result.arrayBuffer()));
}
