import { mappedAddress, xorMappedAddress, type Endpoint } from '../peer/stun/address.ts';
import { ATTRIBUTE, attributeOf, errorCode, METHOD_BINDING, STUN_CLASS, writeStun, type StunMessage } from '../peer/stun/message.ts';

/** What a Binding request may carry without being refused. Credentials are let pass unread: a server of Binding needs none (RFC 8489 §9). */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  ATTRIBUTE.username,
  ATTRIBUTE.realm,
  ATTRIBUTE.nonce,
  ATTRIBUTE.messageIntegrity,
  ATTRIBUTE.messageIntegritySha256,
  ATTRIBUTE.priority,
  ATTRIBUTE.useCandidate,
]);
const OF_DISCOVERY: ReadonlySet<number> = new Set([ATTRIBUTE.changeRequest, ATTRIBUTE.responsePort, ATTRIBUTE.padding]);
const CHANGE_ADDRESS = 4;
const CHANGE_PORT = 2;

/** Where a request came in. */
export interface StunPlace {
  /** Whether RFC 5780's attributes are served here: over UDP. */
  readonly discovery: boolean;
  /** By which address others know the place that another address or port of this one is; null when there is none. */
  origin(changeAddress: boolean, changePort: boolean): Endpoint | null;
}

export interface StunAnswer {
  readonly bytes: Buffer;
  /** Whether it is to be sent from another address or port than was asked, as the client wished. */
  readonly changeAddress: boolean;
  readonly changePort: boolean;
  /** To which port of the sender. */
  readonly port: number;
}

/**
 * The answer to a Binding request from `from`: where it came from (RFC 8489 §6.3.1), and of RFC 5780 the other address, the
 * origin of the answer, and the answer from another address or port, to another port, or padded as the question was, as asked.
 * 420 for attributes that must be understood and are not. Null for all that is no Binding request.
 */
export function answerBinding(request: StunMessage, from: Endpoint, place: StunPlace): StunAnswer | null {
  if (request.class !== STUN_CLASS.request || request.method !== METHOD_BINDING) return null;
  const { method, transactionId } = request;
  const refusal = (bytes: Buffer) => ({ bytes, changeAddress: false, changePort: false, port: from.port });
  const understood = (type: number) => UNDERSTOOD.has(type) || (place.discovery && OF_DISCOVERY.has(type));
  const unknown = request.attributes.map(({ type }) => type).filter((type) => type < 0x8000 && !understood(type));
  if (unknown.length > 0) return refusal(unknownAttributes(request, unknown));

  const change = attributeOf(request, ATTRIBUTE.changeRequest);
  const responsePort = attributeOf(request, ATTRIBUTE.responsePort);
  if ((change && change.length !== 4) || (responsePort && responsePort.length !== 2 && responsePort.length !== 4)) {
    const attributes = [{ type: ATTRIBUTE.errorCode, value: errorCode(400, 'Bad Request') }];
    return refusal(writeStun({ class: STUN_CLASS.error, method, transactionId }, attributes));
  }
  const flags = change?.[3] ?? 0;
  const [changeAddress, changePort] = [(flags & CHANGE_ADDRESS) !== 0, (flags & CHANGE_PORT) !== 0];
  const origin = place.origin(changeAddress, changePort);
  // Who has no other address does not pretend to (RFC 5780 §7.2).
  if (!origin) return refusal(unknownAttributes(request, [ATTRIBUTE.changeRequest]));
  const port = responsePort?.readUInt16BE(0) ?? from.port;
  const mapped = xorMappedAddress(from.address, from.port, transactionId);
  if (!mapped || port === 0) return null;
  const attributes: { type: number; value: Buffer }[] = [{ type: ATTRIBUTE.xorMappedAddress, value: mapped }];
  if (place.discovery) {
    const other = place.origin(true, true);
    const add = (type: number, { address, port }: Endpoint) =>
      attributes.push({ type, value: mappedAddress(address, port) ?? Buffer.alloc(0) });
    add(ATTRIBUTE.responseOrigin, origin);
    if (other) add(ATTRIBUTE.otherAddress, other);
    // RFC 5780 §7.6 would have a whole MTU: no longer than the question's, lest somebody else is flooded by it.
    const padding = attributeOf(request, ATTRIBUTE.padding);
    if (padding) attributes.push({ type: ATTRIBUTE.padding, value: Buffer.alloc(padding.length) });
  }
  return { bytes: writeStun({ class: STUN_CLASS.success, method, transactionId }, attributes), changeAddress, changePort, port };
}

/** 420 that names what it does not know (RFC 8489 §6.3.1). */
export function unknownAttributes({ method, transactionId }: StunMessage, types: readonly number[], integrityKey?: Buffer): Buffer {
  const list = Buffer.alloc(types.length * 2);
  types.forEach((type, index) => list.writeUInt16BE(type, index * 2));
  const attributes = [
    { type: ATTRIBUTE.errorCode, value: errorCode(420, 'Unknown Attribute') },
    { type: ATTRIBUTE.unknownAttributes, value: list },
  ];
  return writeStun({ class: STUN_CLASS.error, method, transactionId }, attributes, { integrityKey });
}
