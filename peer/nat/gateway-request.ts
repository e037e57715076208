import { createSocket, type Socket } from 'node:dgram';
import type { Clock } from '../../electron/base/clock.ts';
import { closeUdp } from './udp.ts';
import type { Gateway } from './gateway.ts';

/** NAT-PMP's and PCP's, both. */
export const GATEWAY_PORT = 5351;
/** RFC 6886 §3.1 doubles from 250 ms, nine times; a router in the same house answers the first or is none. */
const WAITS_MS = [250, 500, 1_000];

/**
 * What a gateway says to a question: the thing itself, or why not, as a sentence in which it is "it". `speaks`: it knows the
 * protocol all the same.
 */
export type GatewayAnswer<T> = { readonly ok: T } | { readonly error: string; readonly speaks: boolean };

export const SILENT = { error: 'it does not answer', speaks: false } as const;
export const NO_PUBLIC_ADDRESS = { error: 'it has no public address itself', speaks: true } as const;

interface Question<T> {
  readonly gateway: Gateway;
  readonly clock: Clock;
  readonly port?: number;
  /** The question, for the address of ours that it goes out from. */
  readonly write: (localAddress: string) => Buffer;
  /** Null for what is no answer to it. */
  readonly read: (bytes: Buffer) => T | null;
}

/**
 * Asks a gateway by UDP, several times. Only datagrams of that gateway and port are read: the socket is connected. Null: no
 * answer, within 1.75 s, or at once when nothing listens there.
 */
export async function askGateway<T>({ gateway, clock, port = GATEWAY_PORT, write, read }: Question<T>): Promise<T | null> {
  const socket = createSocket('udp4');
  try {
    await connected(socket, gateway, port);
    const question = write(socket.address().address);
    return await answered(socket, clock, question, read);
  } catch {
    // No way there at all.
    return null;
  } finally {
    closeUdp(socket);
  }
}

function connected(socket: Socket, { address, localAddress }: Gateway, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.bind({ address: localAddress, port: 0, exclusive: true }, () => socket.connect(port, address, resolve));
  });
}

function answered<T>(socket: Socket, clock: Clock, question: Buffer, read: (bytes: Buffer) => T | null): Promise<T | null> {
  return new Promise((resolve) => {
    const finish = (answer: T | null) => {
      timer.cancel();
      resolve(answer);
    };
    const ask = (round: number) => {
      const waitMs = WAITS_MS[round];
      if (waitMs === undefined) return finish(null);
      socket.send(question, () => {});
      timer = clock.setTimeout(() => ask(round + 1), waitMs);
    };
    let timer = clock.setTimeout(() => ask(0), 0);
    socket.on('message', (bytes) => {
      const answer = read(bytes);
      if (answer !== null) finish(answer);
    });
    // "Port unreachable": who would answer is not there.
    socket.on('error', () => finish(null));
  });
}
