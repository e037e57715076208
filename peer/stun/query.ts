import { randomBytes } from 'node:crypto';
import type { RemoteInfo, Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import { ATTRIBUTE, METHOD_BINDING, parseStun, readXorMappedAddress, STUN_CLASS, writeStun } from './message.ts';

const FIRST_RTO_MS = 100;

/**
 * Asks a STUN server (RFC 8489 §6) over a bound socket for the address it is seen from; again after 100, 200, 400 ms…
 * @returns null without an answer within `timeoutMs`, also when the host has no address. Never throws.
 */
export async function queryBinding(
  socket: Socket,
  server: { readonly host: string; readonly port: number },
  clock: Clock,
  timeoutMs: number,
): Promise<{ address: string; port: number } | null> {
  const family = socket.address().family === 'IPv6' ? 6 : 4;
  const address = isIP(server.host) ? server.host : await lookup(server.host, { family }).then((found) => found.address, () => null);
  if (!address) return null;
  const transactionId = randomBytes(12);
  const request = writeStun({ class: STUN_CLASS.request, method: METHOD_BINDING, transactionId }, []);
  return new Promise((resolve) => {
    let rto = FIRST_RTO_MS;
    let timer: Timer | null = null;
    const finish = (mapped: { address: string; port: number } | null) => {
      timer?.cancel();
      limit.cancel();
      socket.off('message', onMessage);
      resolve(mapped);
    };
    const onMessage = (data: Buffer, from: RemoteInfo) => {
      const answer = from.port === server.port ? parseStun(data) : null;
      if (answer?.class !== STUN_CLASS.success || !answer.transactionId.equals(transactionId)) return;
      const value = answer.attributes.find(({ type }) => type === ATTRIBUTE.xorMappedAddress)?.value;
      finish(value ? readXorMappedAddress(value, transactionId) : null);
    };
    const send = () => {
      try {
        socket.send(request, server.port, address, () => {});
      } catch {
        // Closed meanwhile: the limit ends it.
      }
      timer = clock.setTimeout(send, rto);
      rto *= 2;
    };
    const limit = clock.setTimeout(() => finish(null), timeoutMs);
    socket.on('message', onMessage);
    send();
  });
}
