import { ATTRIBUTE, METHOD_BINDING, parseStun, STUN_CLASS, writeStun, xorMappedAddress } from '../peer/stun/message.ts';

const SOFTWARE = Buffer.from('keyhole rendezvous');
/** What a Binding request may carry without being refused. Credentials are let pass unread: a server of Binding needs none (RFC 8489 §9). */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  ATTRIBUTE.username,
  ATTRIBUTE.messageIntegrity,
  ATTRIBUTE.messageIntegritySha256,
  ATTRIBUTE.priority,
  ATTRIBUTE.useCandidate,
]);

/**
 * The answer to a datagram from `from`: where it came from (RFC 8489 §6.3.1), 420 for attributes that must be understood
 * and are not, null for all that is no Binding request.
 */
export function answerStun(datagram: Buffer, from: { address: string; port: number }): Buffer | null {
  const request = parseStun(datagram);
  if (!request || request.class !== STUN_CLASS.request || request.method !== METHOD_BINDING) return null;
  const { method, transactionId } = request;
  const unknown = request.attributes.map(({ type }) => type).filter((type) => type < 0x8000 && !UNDERSTOOD.has(type));
  const software = { type: ATTRIBUTE.software, value: SOFTWARE };
  if (unknown.length > 0) {
    const list = Buffer.alloc(unknown.length * 2);
    unknown.forEach((type, index) => list.writeUInt16BE(type, index * 2));
    const reason = Buffer.concat([Buffer.from([0, 0, 4, 20]), Buffer.from('Unknown Attribute')]);
    return writeStun({ class: STUN_CLASS.error, method, transactionId }, [
      { type: ATTRIBUTE.errorCode, value: reason },
      { type: ATTRIBUTE.unknownAttributes, value: list },
      software,
    ]);
  }
  const mapped = xorMappedAddress(from.address, from.port, transactionId);
  if (!mapped) return null;
  return writeStun({ class: STUN_CLASS.success, method, transactionId }, [{ type: ATTRIBUTE.xorMappedAddress, value: mapped }, software]);
}
