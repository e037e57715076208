import { CodedError } from '../../electron/contract/client.ts';
import { decodeMessage, encodeMessage, type Port } from '../../electron/contract/wire.ts';

/** Where connections to the engine come from. Rejects with a CodedError `closed` when there is none to be had now. */
export interface PortSource {
  open(): Promise<Port>;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** One WebSocket a connection: the browser host. */
export function webSocketSource(url: string): PortSource {
  return {
    open: () =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(url);
        socket.binaryType = 'arraybuffer';
        const fail = () => {
          clearTimeout(timer);
          socket.close();
          reject(new CodedError('closed', 'The recording engine does not answer. Keyhole keeps trying by itself.'));
        };
        const timer = setTimeout(fail, CONNECT_TIMEOUT_MS);
        socket.addEventListener('error', fail, { once: true });
        socket.addEventListener('close', fail, { once: true });
        socket.addEventListener(
          'open',
          () => {
            clearTimeout(timer);
            resolve(webSocketPort(socket));
          },
          { once: true },
        );
      }),
  };
}

function webSocketPort(socket: WebSocket): Port {
  return {
    post: (message) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(encodeMessage(message));
    },
    onMessage: (listener) =>
      socket.addEventListener('message', (event: MessageEvent<string | ArrayBuffer>) => {
        let message: unknown;
        try {
          message = decodeMessage(typeof event.data === 'string' ? event.data : new Uint8Array(event.data));
        } catch {
          socket.close();
          return;
        }
        listener(message);
      }),
    onClose: (listener) => socket.addEventListener('close', () => listener(), { once: true }),
    close: () => socket.close(),
  };
}

/** A MessagePort speaks objects, no encoding. Its `close` event fires when the other end is gone. */
export function messagePort(port: MessagePort): Port {
  return {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => {
      port.addEventListener('message', (event) => listener(event.data));
      port.start();
    },
    onClose: (listener) => port.addEventListener('close', () => listener(), { once: true }),
    close: () => port.close(),
  };
}
