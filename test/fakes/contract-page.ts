import { once } from 'node:events';
import { WebSocket } from 'ws';
import { EngineClient } from '../../electron/contract/client.ts';
import { decodeMessage, encodeMessage } from '../../electron/contract/wire.ts';
import type { Site } from './site.ts';

/** A page as the app sees it: one connection that speaks the contract. */
export class ContractPage {
  readonly socket: WebSocket;
  readonly client: EngineClient;

  protected constructor(socket: WebSocket) {
    this.socket = socket;
    this.client = new EngineClient({
      post: (message) => socket.send(encodeMessage(message)),
      onMessage: (listener) =>
        void socket.on('message', (data: Buffer, isBinary) => listener(decodeMessage(isBinary ? data : data.toString('utf8')))),
      onClose: (listener) => void socket.on('close', listener),
      close: () => socket.close(),
    });
  }

  static async open(site: Site): Promise<ContractPage> {
    const url = new URL('/api/v1/contract', site.url.replace('http', 'ws'));
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${site.token}` } });
    const page = new ContractPage(socket);
    await once(socket, 'open');
    return page;
  }
}
