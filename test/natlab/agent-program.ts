/**
 * Runs inside a namespace and does what it is told, one JSON object a line on stdin, by nothing but the standard library: it
 * is the measure for Keyhole's own code, so it shares none with it. Ends when stdin does. Started by agent.ts.
 */
import { createSocket, type Socket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

interface Order {
  readonly id: number;
  readonly op: 'udp' | 'send' | 'close' | 'listen' | 'tcp' | 'fetch';
  readonly socket?: number;
  readonly address?: string;
  readonly port?: number;
  readonly text?: string;
  readonly url?: string;
  readonly init?: RequestInit;
  readonly withinMs?: number;
}

const sockets = new Map<number, Socket>();
let count = 0;
const say = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`);

async function open(address = '0.0.0.0', port = 0): Promise<object> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, resolve);
  });
  const id = (count += 1);
  socket.on('error', () => {});
  socket.on('message', (bytes, from) =>
    say({ socket: id, from: { address: from.address, port: from.port }, text: bytes.toString('latin1') }),
  );
  sockets.set(id, socket);
  return { socket: id, port: socket.address().port };
}

/** Accepts TCP connections and says nothing to them. */
function listen(host: string, port: number): Promise<object> {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve({}));
  });
}

/** Whether a TCP connection comes about. */
function tcp(host: string, port: number, withinMs: number): Promise<object> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (connected: boolean) => {
      socket.destroy();
      resolve({ connected });
    };
    socket.setTimeout(withinMs, () => end(false));
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

async function obey({ op, socket = 0, address = '', port = 0, text = '', url = '', init = {}, withinMs = 1000 }: Order): Promise<object> {
  switch (op) {
    case 'udp':
      return open(address || undefined, port);
    case 'send':
      await new Promise<void>((resolve) => sockets.get(socket)?.send(Buffer.from(text, 'latin1'), port, address, () => resolve()));
      return {};
    case 'close':
      sockets.get(socket)?.close();
      sockets.delete(socket);
      return {};
    case 'listen':
      return listen(address, port);
    case 'tcp':
      return tcp(address, port, withinMs);
    case 'fetch': {
      const response = await fetch(url, init);
      return { status: response.status, body: await response.text() };
    }
  }
}

createInterface(process.stdin)
  .on('line', (line) => {
    const order = JSON.parse(line) as Order;
    obey(order).then(
      (answer) => say({ id: order.id, ...answer }),
      (error: unknown) =>
        say({ id: order.id, error: error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : String(error) }),
    );
  })
  .on('close', () => process.exit(0));
say({ ready: true });
