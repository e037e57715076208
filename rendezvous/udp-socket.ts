import { createSocket, type Socket } from 'node:dgram';
import type { LookupOneOptions } from 'node:dns';
import { CodedError, errnoOf } from '../electron/base/errors.ts';
import type { Endpoint } from '../peer/stun/address.ts';
import { familyOf } from './addresses.ts';

/** Bytes that the system may keep for us while we are busy: it gives less when it likes. */
const RECEIVE_BUFFER = 1024 * 1024;
/** Bytes that may wait in a socket which the system does not take any more of; what is above is dropped. */
const MAX_QUEUED = 256 * 1024;

type Found = (error: NodeJS.ErrnoException | null, address: string, family: number) => void;

/** Addresses are always numbers here: asking the system's resolver for each datagram costs a turn of the event loop. */
function numericLookup(host: string, _options: LookupOneOptions, found: Found): void {
  // The family is not looked at; to find it out costs a fifteenth of what relaying a packet does.
  found(null, host, 4);
}

/**
 * A UDP socket on one address, alone on its port. `port` 0 takes a free one.
 * @throws Error with the errno of the system: EADDRINUSE, EADDRNOTAVAIL, EACCES…
 */
export async function openUdp(address: string, port: number): Promise<Socket> {
  const six = familyOf(address) === 6;
  const socket = createSocket({ type: six ? 'udp6' : 'udp4', ipv6Only: six, lookup: numericLookup });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port, exclusive: true }, resolve);
  });
  socket.removeAllListeners('error');
  // A refusal that came back by ICMP, an address that went: nothing that ends a server.
  socket.on('error', () => {});
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // The system's default will do.
  }
  return socket;
}

/** Sends, or drops what cannot be sent: a port 0, a closed socket, a full queue. Whether it went to the system. Never throws. */
export function sendUdp(socket: Socket, data: Buffer | readonly Buffer[], to: Endpoint): boolean {
  if (to.port === 0) return false;
  try {
    if (socket.getSendQueueSize() > MAX_QUEUED) return false;
    // Without a callback errors of the network (ENETUNREACH, EPERM, EMSGSIZE…) are the datagram's end, and nothing else.
    socket.send(data, to.port, to.address);
    return true;
  } catch {
    return false;
  }
}

export function closeUdp(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    try {
      socket.close(() => resolve());
    } catch {
      resolve();
    }
  });
}

/** What to tell a person when a UDP port cannot be had. */
export function udpStartError(error: unknown, address: string, port: number): unknown {
  switch (errnoOf(error)) {
    case 'EADDRINUSE':
      return new CodedError(
        'port-in-use',
        `UDP port ${port} of ${address} is taken by another program: stop it, or choose another with --stun-port.`,
      );
    case 'EACCES':
      return new CodedError('usage', `UDP port ${port} needs more rights than this user has: choose one above 1023.`);
    case 'EADDRNOTAVAIL':
      return new CodedError('usage', `${address} is no address of this machine: "ip address" shows those it has.`);
    default:
      return error;
  }
}
