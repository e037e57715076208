import type { Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

/** A bound UDP socket that was opened elsewhere, as the library's ICE wants one. Ends with `close`. */
export class PunchedSocket {
  readonly type = 'udp';
  readonly socket: Socket;
  onData: (data: Buffer, from: readonly [string, number]) => void = () => {};
  #closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('message', (data, { address, port }) => this.onData(data, [address, port]));
    // A failed send is a lost packet.
    socket.on('error', () => {});
  }

  get closed(): boolean {
    return this.#closed;
  }

  get address(): AddressInfo {
    return this.socket.address();
  }

  get addressFamily(): 4 | 6 {
    return this.address.family === 'IPv6' ? 6 : 4;
  }

  send = async (data: Buffer, to?: readonly [string, number]): Promise<void> => {
    if (this.#closed || !to) return;
    this.socket.send(data, to[1], to[0], () => {});
  };

  close = async (): Promise<void> => {
    if (this.#closed) return;
    this.#closed = true;
    this.socket.close();
  };
}
