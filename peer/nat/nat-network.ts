import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ipText, type Endpoint } from '../stun/address.ts';
import { ipBytes } from '../stun/message.ts';
import { closeUdp, openUdp } from './udp.ts';

/** What discovery needs of the system; tests give their own. */
export interface NatNetwork {
  /** An address of the family, 4 or 6, by which a host is known; null when it has none. */
  resolve(host: string, family: 4 | 6): Promise<string | null>;
  /** The address of ours that packets to a place go out from; null when there is no way there. */
  localAddress(to: Endpoint): Promise<string | null>;
  /** A socket bound to an address of ours. */
  open(localAddress: string): Promise<Socket>;
  /** All addresses of this machine but loopback. */
  addresses(): readonly string[];
}

export const systemNetwork: NatNetwork = {
  async resolve(host, family) {
    if (isIP(host) !== 0) {
      const bytes = ipBytes(host);
      return isIP(host) === family && bytes ? ipText(bytes) : null;
    }
    const found = await lookup(host, { family }).catch(() => null);
    return found?.address ?? null;
  },
  async localAddress({ address, port }) {
    // Connecting a UDP socket sends nothing, and makes the system choose.
    const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
    try {
      return await new Promise<string>((resolve, reject) => {
        socket.on('error', reject);
        socket.connect(port, address, () => resolve(socket.address().address));
      });
    } catch {
      return null;
    } finally {
      closeUdp(socket);
    }
  },
  open: (address) => openUdp(address, { address }),
  addresses: () =>
    Object.values(networkInterfaces()).flatMap((list) => (list ?? []).flatMap(({ address, internal }) => (internal ? [] : address))),
};
