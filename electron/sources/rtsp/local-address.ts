import { createSocket } from 'node:dgram';
import { isIP } from 'node:net';
import { lookup } from 'node:dns/promises';

/**
 * The address of this machine from which `host` is reached; the port is ffmpeg's and not known. Sends nothing: connecting a UDP socket
 * only asks for the route. An empty string when there is none.
 */
export async function addressTowards(host: string, port: number): Promise<string> {
  try {
    const address = isIP(host) ? host : (await lookup(host)).address;
    const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
    return await new Promise<string>((resolve) => {
      socket.once('error', () => {
        socket.close();
        resolve('');
      });
      socket.connect(port, address, () => {
        const local = socket.address().address;
        socket.close();
        resolve(local);
      });
    });
  } catch {
    return '';
  }
}
