import type { DesktopBridge, PortArrival } from '../../electron/contract/bridge.ts';
import { CodedError } from '../../electron/contract/client.ts';
import { messagePort, webSocketSource, type PortSource } from './ports.ts';

const CONTRACT_PATH = '/api/v1/contract';
const ARRIVAL_TIMEOUT_MS = 10_000;

/** How this page reaches the engine: through Electron's preload, or by a WebSocket to where the page came from. */
export function pagePortSource(): PortSource {
  const desktop = window.keyhole;
  if (!desktop) return webSocketSource(contractUrl(location));
  return { open: async () => messagePort(await arrivingPort(desktop)) };
}

export function contractUrl(page: { readonly protocol: string; readonly host: string }): string {
  return `${page.protocol === 'https:' ? 'wss:' : 'ws:'}//${page.host}${CONTRACT_PATH}`;
}

function arrivingPort(desktop: DesktopBridge): Promise<MessagePort> {
  return new Promise((resolve, reject) => {
    const listen = (event: MessageEvent<unknown>) => {
      const port = event.ports[0];
      if (event.source !== window || !port || !isArrival(event.data) || event.data.id !== id) return;
      stop();
      resolve(port);
    };
    const timer = setTimeout(() => {
      stop();
      reject(new CodedError('closed', 'The recording engine does not answer. Keyhole keeps trying by itself.'));
    }, ARRIVAL_TIMEOUT_MS);
    const stop = () => {
      clearTimeout(timer);
      window.removeEventListener('message', listen);
    };
    window.addEventListener('message', listen);
    const id = desktop.openPort();
  });
}

function isArrival(data: unknown): data is PortArrival {
  return typeof data === 'object' && data !== null && 'keyhole' in data && data.keyhole === 'port' && 'id' in data;
}

/** What a worker and the page tell each other so that the worker gets connections of its own. */
export type WorkerConnectMessage =
  /** Page to worker, first: the WebSocket's address, or null where ports must be asked for. */
  | { readonly connect: 'init'; readonly url: string | null }
  | { readonly connect: 'ask'; readonly id: number }
  | { readonly connect: 'port'; readonly id: number; readonly port: MessagePort }
  | { readonly connect: 'none'; readonly id: number };

export function isConnectMessage(data: unknown): data is WorkerConnectMessage {
  return typeof data === 'object' && data !== null && 'connect' in data;
}

/** On the page: lets `worker` open connections to the engine. */
export function connectWorker(worker: Worker): void {
  const desktop = window.keyhole;
  worker.postMessage({ connect: 'init', url: desktop ? null : contractUrl(location) } satisfies WorkerConnectMessage);
  if (!desktop) return;
  worker.addEventListener('message', (event: MessageEvent<unknown>) => {
    const message = event.data;
    if (!isConnectMessage(message) || message.connect !== 'ask') return;
    arrivingPort(desktop).then(
      (port) => worker.postMessage({ connect: 'port', id: message.id, port } satisfies WorkerConnectMessage, [port]),
      () => worker.postMessage({ connect: 'none', id: message.id } satisfies WorkerConnectMessage),
    );
  });
}

/** In a worker: connections of its own, once the page has said how. */
export function workerPortSource(): PortSource {
  const said = Promise.withResolvers<PortSource>();
  const asked = new Map<number, (port: MessagePort | undefined) => void>();
  let nextId = 1;
  const asking: PortSource = {
    open: () =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        asked.set(id, (port) => {
          if (port) resolve(messagePort(port));
          else reject(new CodedError('closed', 'The recording engine does not answer. Keyhole keeps trying by itself.'));
        });
        self.postMessage({ connect: 'ask', id } satisfies WorkerConnectMessage);
      }),
  };
  self.addEventListener('message', (event: MessageEvent<unknown>) => {
    const message = event.data;
    if (!isConnectMessage(message) || message.connect === 'ask') return;
    if (message.connect === 'init') said.resolve(message.url === null ? asking : webSocketSource(message.url));
    else {
      asked.get(message.id)?.(message.connect === 'port' ? message.port : undefined);
      asked.delete(message.id);
    }
  });
  return { open: async () => (await said.promise).open() };
}
