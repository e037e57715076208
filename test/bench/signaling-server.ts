import { WebSocketServer, type WebSocket } from 'ws';
import { systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { DEFAULT_LIMITS } from '../../rendezvous/limits.ts';
import { RendezvousServer } from '../../rendezvous/server.ts';

/** The process that is measured: a rendezvous, or for comparison nothing but the WebSocket library, which hands on what it gets. */

async function rendezvous(): Promise<number> {
  const limits = { ...DEFAULT_LIMITS, connections: 20_000, connectionsPerAddress: 20_000, messagesPerSecond: 1e6, messageBurst: 1e6 };
  return new RendezvousServer({ clock: systemClock, log: silentLog, limits, stunPort: () => null }).start('127.0.0.1', 0);
}

/** `{to, data}` to the peer of that number, as `{from, data}`. */
function bare(): Promise<number> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  const peers: WebSocket[] = [];
  server.on('connection', (socket) => {
    const from = peers.push(socket) - 1;
    socket.send(JSON.stringify({ number: from }));
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString('utf8')) as { to: number; data: string };
      peers[message.to]?.send(JSON.stringify({ from, data: message.data }));
    });
  });
  return new Promise((resolve) =>
    server.on('listening', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    }),
  );
}

const port = await (process.argv[2] === 'bare' ? bare() : rendezvous());
process.on('message', () => {
  globalThis.gc?.();
  process.send?.({ rss: process.memoryUsage().rss, cpu: process.cpuUsage() });
});
process.send?.({ port });
