import type { Endpoint } from '../../peer/stun/address.ts';
import { isChannelData } from '../../peer/stun/frames.ts';
import { METHOD, STUN_HEADER_BYTES } from '../../peer/stun/message.ts';
import { sendUdp } from '../udp-socket.ts';
import type { UdpSite } from '../udp-sites.ts';
import { TurnClient } from './turn-client.ts';
import type { TurnServer } from './turn-server.ts';

/** The bits of a STUN message's type that hold its method. */
const METHOD_BITS = 0x3eef;

/** Clients of the relay that come over UDP, on the STUN port. Only those with an allocation are remembered. */
export class TurnDatagrams {
  readonly #server: TurnServer;
  readonly #clients = new Map<string, TurnClient>();

  constructor(server: TurnServer) {
    this.#server = server;
  }

  /** Takes what is TURN's; false for what is Binding's, or nobody's. */
  receive(site: UdpSite, datagram: Buffer, from: Endpoint): boolean {
    const isChannel = isChannelData(datagram[0] ?? 0);
    if (!isChannel && (datagram.length < STUN_HEADER_BYTES || (datagram.readUInt16BE(0) & METHOD_BITS) === METHOD.binding)) return false;
    const key = `${from.port} ${from.address} ${site.local}`;
    const known = this.#clients.get(key);
    if (isChannel && !known) return true;
    const client = known ?? this.#meet(key, site, from);
    this.#server.receive(client, datagram);
    if (!known && client.allocating) this.#clients.set(key, client);
    return true;
  }

  #meet(key: string, site: UdpSite, { address, port }: Endpoint): TurnClient {
    const remote = { address, port };
    const send = (data: Buffer | readonly Buffer[]) => sendUdp(site.socket, data, remote);
    return new TurnClient({ remote, send, answer: send }, () => this.#clients.delete(key));
  }
}
