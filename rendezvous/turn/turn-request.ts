import { readXorMappedAddress, type Endpoint } from '../../peer/stun/address.ts';
import { ATTRIBUTE, attributeOf, errorCode, STUN_CLASS, writeStun, type StunMessage } from '../../peer/stun/message.ts';
import type { Family } from '../addresses.ts';

/** RFC 8656 §7.2: lifetimes of allocations, seconds. */
export const DEFAULT_LIFETIME_S = 600;
const MAX_LIFETIME_S = 3_600;
const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  437: 'Allocation Mismatch',
  438: 'Stale Nonce',
  440: 'Address Family not Supported',
  441: 'Wrong Credentials',
  442: 'Unsupported Transport Protocol',
  443: 'Peer Address Family Mismatch',
  486: 'Allocation Quota Reached',
  508: 'Insufficient Capacity',
};

/** What must be understood, and is. DONT-FRAGMENT is not: Node cannot set the bit. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  ATTRIBUTE.username,
  ATTRIBUTE.realm,
  ATTRIBUTE.nonce,
  ATTRIBUTE.lifetime,
  ATTRIBUTE.data,
  ATTRIBUTE.channelNumber,
  ATTRIBUTE.xorPeerAddress,
  ATTRIBUTE.requestedAddressFamily,
  ATTRIBUTE.requestedTransport,
  ATTRIBUTE.evenPort,
  ATTRIBUTE.reservationToken,
]);

export type Attributes = readonly { readonly type: number; readonly value: Buffer }[];

/** ERROR-CODE with its usual reason. */
export function errorAttribute(code: number): Attributes[number] {
  return { type: ATTRIBUTE.errorCode, value: errorCode(code, REASONS[code] ?? '') };
}

export function success(message: StunMessage, attributes: Attributes, integrityKey: Buffer): Buffer {
  return writeStun({ ...message, class: STUN_CLASS.success }, attributes, { integrityKey });
}

/** Attributes that must be understood and are not; those behind the integrity are none. */
export function unknownOf({ attributes }: StunMessage): number[] {
  return attributes.map(({ type }) => type).filter((type) => type < 0x8000 && !UNDERSTOOD.has(type));
}

/** Peers named in a message, those left out that make no sense. */
export function peersOf({ attributes, transactionId }: StunMessage): Endpoint[] {
  return attributes.flatMap(({ type, value }) =>
    type === ATTRIBUTE.xorPeerAddress ? (readXorMappedAddress(value, transactionId) ?? []) : [],
  );
}

/** RFC 8656 §18.6; IPv4 when it is not said, null for what is no family. */
export function familyAsked(request: StunMessage): Family | null {
  const value = attributeOf(request, ATTRIBUTE.requestedAddressFamily);
  if (!value) return 4;
  return value.length === 4 && value[0] === 1 ? 4 : value.length === 4 && value[0] === 2 ? 6 : null;
}

/** Seconds that the client gets of those it asks for: 0, or from the default to the maximum (RFC 8656 §7.2, §7.3). */
export function lifetimeAsked(request: StunMessage): number {
  const value = attributeOf(request, ATTRIBUTE.lifetime);
  if (value?.length !== 4) return DEFAULT_LIFETIME_S;
  const asked = value.readUInt32BE(0);
  return asked === 0 ? 0 : Math.min(MAX_LIFETIME_S, Math.max(DEFAULT_LIFETIME_S, asked));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}
