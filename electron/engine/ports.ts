import type { MessagePort as WorkerPort } from 'node:worker_threads';
import type { Port, WireMessage } from '../contract/wire.ts';

/** What we use of Electron's MessagePortMain, so that the engine need not know Electron. */
export interface MainPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { data: unknown }) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  start(): void;
  close(): void;
}

/** A worker_threads port. Bytes are copied once, since other readers share them, and the copy is transferred. */
export function fromWorkerPort(port: WorkerPort): Port {
  return {
    post(message) {
      const copy = withOwnBytes(message);
      port.postMessage(copy, 'bytes' in copy && copy.bytes ? [copy.bytes.buffer as ArrayBuffer] : []);
    },
    onMessage: (listener) => void port.on('message', listener),
    onClose: (listener) => void port.on('close', listener),
    close: () => port.close(),
  };
}

/** An Electron port: it transfers ports only, never buffers (electron#34905), so that bytes are cloned by the post. */
export function fromMainPort(port: MainPort): Port {
  return {
    post: (message) => port.postMessage(withOwnBytes(message)),
    onMessage(listener) {
      port.on('message', (event) => listener(event.data));
      port.start();
    },
    onClose: (listener) => void port.on('close', listener),
    close: () => port.close(),
  };
}

/** Cloning a view would clone the whole buffer behind it, a socket's or a file's; so the bytes get a buffer of their own. */
function withOwnBytes(message: WireMessage): WireMessage {
  if (!('bytes' in message) || !message.bytes) return message;
  return { ...message, bytes: new Uint8Array(message.bytes) };
}
