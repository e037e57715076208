import { randomBytes } from 'node:crypto';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { addressOf } from '../../peer/identity.ts';
import { FRAME } from '../../peer/signaling/frames.ts';
import { clientMessage, parseJson } from '../../peer/signaling/rendezvous-messages.ts';

/** A place that is no good: where it is, how many came, and its end. */
export interface BadPlace {
  readonly url: string;
  readonly connections: () => number;
  close(): Promise<void>;
}

/** Nobody listens there. */
export const DEAD_RENDEZVOUS = 'ws://127.0.0.1:9';

/** A rendezvous that takes connections and says nothing. */
export function hangingRendezvous(): Promise<BadPlace> {
  return tcp(() => {});
}

/** A rendezvous that answers in the camera's place, as well as it can. */
export async function lyingRendezvous(): Promise<BadPlace> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  let connections = 0;
  server.on('connection', (socket) => {
    connections += 1;
    socket.send(JSON.stringify({ type: 'challenge', version: 1, nonce: 'A'.repeat(43), stunPort: null }));
    socket.on('message', (data) => {
      const message = parseJson(clientMessage, (data as Buffer).toString());
      if (message?.type === 'register')
        socket.send(JSON.stringify({ type: 'registered', address: addressOf(Buffer.from(message.key, 'base64url')) }));
      if (message?.type !== 'send') return;
      const frame = Buffer.from(message.data, 'base64url');
      const answer = Buffer.concat([Uint8Array.of(FRAME.second), frame.subarray(1, 17), randomBytes(200)]);
      socket.send(JSON.stringify({ type: 'message', from: message.to, data: answer.toString('base64url') }));
    });
  });
  await new Promise((resolve) => server.on('listening', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of server.clients) socket.terminate();
      server.close(() => resolve());
    });
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => connections, close };
}

/**
 * The rendezvous at `url`, which is lost in the middle of a set-up: with what an app sends once it has heard the other end, that
 * is, with its question to the camera.
 */
export function rendezvousLostMidway(url: string): Promise<BadPlace> {
  const { hostname, port } = new URL(url);
  return tcp((app) => {
    const server = connect(Number(port), hostname);
    let heard = false;
    const end = () => {
      app.destroy();
      server.destroy();
    };
    server.on('data', (data) => {
      heard ||= data.includes('"type":"message"');
      app.write(data);
    });
    app.on('data', (data) => (heard ? end() : server.write(data)));
    for (const socket of [app, server]) socket.on('error', end).on('close', end);
  });
}

async function tcp(accept: (socket: Socket) => void): Promise<BadPlace> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    accept(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => connections, close };
}
