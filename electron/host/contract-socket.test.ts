import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { silentLog } from '../base/log.ts';
import { ContractSockets } from './contract-socket.ts';

let server: Server;
let sockets: ContractSockets;
let engine: MessagePort | undefined;
let page: WebSocket;

beforeEach(async () => {
  sockets = new ContractSockets({
    connect: (port) => {
      engine = port;
      port.on('message', () => {});
      return Promise.resolve();
    },
    log: silentLog,
  });
  server = createServer();
  server.on('upgrade', (request, socket, head) => void sockets.accept(request, socket, head));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  page = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await once(page, 'open');
});
afterEach(() => {
  page.terminate();
  sockets.close();
  engine?.close();
  server.close();
});

const frame = () => ({ t: 'item', id: 1, value: {}, bytes: new Uint8Array(1024 * 1024) });

it('disconnects a page that does not read, and counts it', async () => {
  page.pause();
  for (let sent = 0; sent < 80; sent += 1) engine?.postMessage(frame());
  await expect.poll(() => sockets.tooSlow, { timeout: 10_000 }).toBe(1);
  await expect.poll(() => sockets.size, { timeout: 10_000 }).toBe(0);
});

it('leaves a page that reads alone, however much there is', async () => {
  let received = 0;
  page.on('message', () => (received += 1));
  for (let batch = 1; batch <= 10; batch += 1) {
    for (let sent = 0; sent < 16; sent += 1) engine?.postMessage(frame());
    await expect.poll(() => received, { timeout: 10_000 }).toBe(batch * 16);
  }
  expect([sockets.tooSlow, sockets.size]).toEqual([0, 1]);
});

it('closes the engine’s port when the page goes, and the page when the port does', async () => {
  const portClosed = new Promise((resolve) => engine?.once('close', resolve));
  page.close();
  await portClosed;
  await expect.poll(() => sockets.size).toBe(0);

  page = new WebSocket(page.url);
  await once(page, 'open');
  const [code] = (await Promise.all([once(page, 'close'), engine?.close()]))[0] as [number];
  expect(code).toBe(1012);
});
