import { EventEmitter } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { MessageChannel } from 'node:worker_threads';

/** What travels between two stand-in ports. */
export interface Parcel {
  readonly data: unknown;
  readonly ports: readonly MessagePort[];
}

/** Electron's MessagePortMain over a worker_threads port: nothing arrives before `start()`, and only ports are transferred. */
export class MessagePortMain extends EventEmitter {
  readonly inner: MessagePort;

  constructor(inner: MessagePort) {
    super();
    this.inner = inner;
    inner.once('close', () => this.emit('close'));
  }

  postMessage(data: unknown, transfer: readonly MessagePortMain[] = []): void {
    this.inner.postMessage(...parcel(data, transfer));
  }

  start(): void {
    this.inner.on('message', ({ data, ports }: Parcel) =>
      this.emit('message', { data, ports: ports.map((port) => new MessagePortMain(port)) }),
    );
  }

  close(): void {
    this.inner.close();
  }
}

export class MessageChannelMain {
  readonly port1: MessagePortMain;
  readonly port2: MessagePortMain;

  constructor() {
    const channel = new MessageChannel();
    this.port1 = new MessagePortMain(channel.port1);
    this.port2 = new MessagePortMain(channel.port2);
  }
}

/** electron#34905: anything but a port in the transfer list is an error. */
export function parcel(data: unknown, transfer: readonly unknown[] = []): [Parcel, MessagePort[]] {
  const ports = transfer.map((port, index) => {
    if (port instanceof MessagePortMain) return port.inner;
    throw new TypeError(`Port at index ${index} is not a valid port`);
  });
  return [{ data, ports }, ports];
}
