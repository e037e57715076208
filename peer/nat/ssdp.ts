import type { RemoteInfo } from 'node:dgram';
import type { Clock } from '../../electron/base/clock.ts';
import { isWithin } from './addresses.ts';
import type { Gateway } from './gateway.ts';
import { closeUdp, openUdp, sendUdp } from './udp.ts';

const GROUP = '239.255.255.250';
const SSDP_PORT = 1900;
const ASK_AT_MS = [0, 300, 1_000];
const WAIT_MS = 2_000;
const MAX_BYTES = 2_048;
/** Descriptions that are looked at: a router has one or two. */
const MAX_LOCATIONS = 4;
/** Version 2 answers to 1 as well (UPnP Device Architecture 2.0 §1.3.2); some answer only to their own. */
const TARGETS = ['urn:schemas-upnp-org:device:InternetGatewayDevice:1', 'urn:schemas-upnp-org:device:InternetGatewayDevice:2'];

/** A device that says it is an internet gateway. */
export interface UpnpDevice {
  /** Of its description: `http:`, on the address that answered. */
  readonly location: URL;
  readonly localAddress: string;
}

/**
 * Asks the network for UPnP internet gateways (UPnP Device Architecture §1.3). Believes only the gateway itself, and only about
 * itself; where the gateway's address is a guess, only hosts of the same network. At most four, within 2 s; the first ends it.
 */
export async function searchUpnp({
  gateway,
  clock,
  port = SSDP_PORT,
}: {
  gateway: Gateway;
  clock: Clock;
  port?: number;
}): Promise<UpnpDevice[]> {
  const { localAddress } = gateway;
  const socket = await openUdp(localAddress, { address: localAddress }).catch(() => null);
  if (!socket) return [];
  const found = new Map<string, UpnpDevice>();
  try {
    socket.on('error', () => {});
    try {
      socket.setMulticastInterface(localAddress);
      socket.setMulticastTTL(2);
    } catch {
      // Then it goes out where the system sends multicast; the one asked directly below does not care.
    }
    await new Promise<void>((resolve) => {
      const timers = ASK_AT_MS.map((ms) => clock.setTimeout(() => ask(), ms));
      timers.push(clock.setTimeout(() => finish(), WAIT_MS));
      const finish = () => {
        for (const timer of timers) timer.cancel();
        resolve();
      };
      const ask = () => {
        // Multicast is lost in some switches and access points; a unicast question is allowed since version 1.1.
        for (const address of gateway.guessed ? [GROUP] : [GROUP, gateway.address]) {
          for (const target of TARGETS) sendUdp(socket, searchMessage(target), { address, port });
        }
      };
      socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
        const isThere = gateway.guessed ? isWithin(from.address, localAddress, 24) : from.address === gateway.address;
        const location = isThere ? readSearchAnswer(bytes, from.address) : null;
        if (!location || found.has(location.href)) return;
        found.set(location.href, { location, localAddress });
        // A little later, as one device may announce several descriptions.
        if (found.size === 1) timers.push(clock.setTimeout(finish, 100));
        if (found.size === MAX_LOCATIONS) finish();
      });
    });
  } finally {
    closeUdp(socket);
  }
  return [...found.values()];
}

export function searchMessage(target: string): Buffer {
  return Buffer.from(
    `M-SEARCH * HTTP/1.1\r\nHOST: ${GROUP}:${SSDP_PORT}\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ${target}\r\nUSER-AGENT: Keyhole UPnP/1.1\r\n\r\n`,
  );
}

/** Where the description of an internet gateway is; null for all else, and when it is not on the host that says so. */
export function readSearchAnswer(bytes: Buffer, from: string): URL | null {
  if (bytes.length > MAX_BYTES) return null;
  const [status = '', ...lines] = bytes.toString('latin1').split('\r\n');
  if (!/^HTTP\/1\.[01] 200\b/.test(status)) return null;
  const headers = new Map(
    lines.flatMap((line) => {
      const colon = line.indexOf(':');
      return colon > 0 ? [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as const] : [];
    }),
  );
  if (!/:InternetGatewayDevice:|:WAN(IP|PPP)Connection:/.test(headers.get('st') ?? '')) return null;
  return urlOn(headers.get('location') ?? '', from);
}

/** An `http:` URL without a name, a password or anybody but `host` in it; null for all else. */
export function urlOn(text: string, host: string, base?: URL): URL | null {
  if (text.length > 1_024) return null;
  const url = URL.parse(text, base?.href);
  return url && url.protocol === 'http:' && url.hostname === host && url.username === '' && url.password === '' ? url : null;
}
