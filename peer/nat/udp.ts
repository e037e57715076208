import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

export interface UdpAddress {
  readonly address: string;
  readonly port: number;
}

/** A bound socket of the family of `family`, an address; on any port and interface unless said. Rejects with the system's error. */
export async function openUdp(family: string, local: { address?: string | undefined; port?: number } = {}): Promise<Socket> {
  const v6 = isIPv6(family);
  const socket = createSocket(v6 ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ port: local.port ?? 0, address: local.address ?? (v6 ? '::' : '0.0.0.0'), exclusive: true }, () => {
      socket.off('error', reject);
      resolve();
    });
  }).catch((error: unknown) => {
    socket.close();
    throw error;
  });
  return socket;
}

/** Sends, and takes a failure for a lost packet: that is what UDP is. */
export function sendUdp(socket: Socket, bytes: Uint8Array, to: UdpAddress): void {
  try {
    socket.send(bytes, to.port, to.address, () => {});
  } catch {
    // Closed meanwhile.
  }
}

/** Closes it; more than once does no harm. */
export function closeUdp(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // Closed already.
  }
}
