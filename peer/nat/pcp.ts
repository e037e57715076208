import { ipBytes } from '../stun/message.ts';
import type { GatewayAnswer } from './gateway-request.ts';

/** PCP (RFC 6887): the announcement that asks whether there is a server, and mappings of UDP ports. */

export const PCP_NONCE_BYTES = 12;

export interface PcpMapping {
  /** 12 bytes, the same for all that is asked about one mapping; an answer bears it too (§11.1). */
  readonly nonce: Buffer;
  readonly internalPort: number;
  /** 0 and `0.0.0.0`: no wish. */
  readonly externalPort: number;
  readonly externalAddress: string;
  /** 0 takes the mapping away. */
  readonly lifetimeS: number;
}

const VERSION = 2;
const OP_ANNOUNCE = 0;
const OP_MAP = 1;
const ANSWER = 0x80;
const UDP = 17;
const HEADER_BYTES = 24;
const MAP_BYTES = 36;
/** §7: longer ones are none. */
const MAX_BYTES = 1100;

const PMP_ONLY = { error: 'it speaks NAT-PMP only', speaks: false } as const;

/** Result codes of §7.4. */
const RESULTS: Readonly<Record<number, string>> = {
  1: 'it does not speak this version',
  2: 'it refuses, or has port mapping switched off',
  3: 'it cannot read the question',
  4: 'it does not know this question',
  7: 'it has no public address itself',
  8: 'it has no port left',
  9: 'it does not map UDP',
  10: 'this machine has too many mappings',
  11: 'it cannot give that port',
  12: 'another NAT stands between this machine and it',
};

/** §14.1. */
export function writePcpAnnounce(localAddress: string): Buffer {
  return header(OP_ANNOUNCE, localAddress, 0, HEADER_BYTES);
}

/** §11.1. */
export function writePcpMap(localAddress: string, mapping: PcpMapping): Buffer {
  const out = header(OP_MAP, localAddress, mapping.lifetimeS, HEADER_BYTES + MAP_BYTES);
  mapping.nonce.copy(out, HEADER_BYTES, 0, PCP_NONCE_BYTES);
  out[36] = UDP;
  out.writeUInt16BE(mapping.internalPort, 40);
  out.writeUInt16BE(mapping.externalPort, 42);
  mapped(mapping.externalAddress).copy(out, 44);
  return out;
}

/** Whether there is a server: any answer in this version says so. Null for what is no answer of a PCP or NAT-PMP server. */
export function readPcpAnnounce(bytes: Buffer): GatewayAnswer<true> | null {
  if (isPmpOnly(bytes)) return PMP_ONLY;
  const error = resultOf(bytes, OP_ANNOUNCE);
  if (error === null) return null;
  return error === RESULTS[1] ? { error: RESULTS[1], speaks: false } : { ok: true };
}

/** Null for what is no answer to the question about this mapping. */
export function readPcpMap(bytes: Buffer, asked: Pick<PcpMapping, 'nonce' | 'internalPort'>): GatewayAnswer<PcpMapping> | null {
  if (isPmpOnly(bytes)) return PMP_ONLY;
  const error = resultOf(bytes, OP_MAP);
  if (error === null || bytes.length < HEADER_BYTES + MAP_BYTES) return null;
  const { nonce, internalPort } = asked;
  if (!bytes.subarray(24, 36).equals(nonce) || bytes[36] !== UDP || bytes.readUInt16BE(40) !== internalPort) return null;
  if (error !== '') return { error, speaks: error !== RESULTS[1] };
  const external = bytes.subarray(44, 60);
  if (!external.subarray(0, 12).equals(MAPPED_PREFIX)) return null;
  return {
    ok: {
      nonce,
      internalPort,
      externalPort: bytes.readUInt16BE(42),
      externalAddress: [...external.subarray(12)].join('.'),
      lifetimeS: bytes.readUInt32BE(4),
    },
  };
}

const MAPPED_PREFIX = Buffer.from('00000000000000000000ffff', 'hex');

function header(operation: number, localAddress: string, lifetimeS: number, size: number): Buffer {
  const out = Buffer.alloc(size);
  out[0] = VERSION;
  out[1] = operation;
  out.writeUInt32BE(lifetimeS, 4);
  mapped(localAddress).copy(out, 8);
  return out;
}

/** An IPv4 address in IPv6 clothes (§5). */
function mapped(address: string): Buffer {
  return Buffer.concat([MAPPED_PREFIX, ipBytes(address) ?? Buffer.alloc(4)]);
}

/** A NAT-PMP server's answer to a version it does not know (RFC 6886 §3.5). */
function isPmpOnly(bytes: Buffer): boolean {
  return bytes.length === 8 && bytes[0] === 0 && (bytes[1] ?? 0) >= ANSWER && bytes.readUInt16BE(2) === 1;
}

/** '' for success, null when it is no answer to `operation`. */
function resultOf(bytes: Buffer, operation: number): string | null {
  if (bytes.length < HEADER_BYTES || bytes.length > MAX_BYTES || bytes.length % 4 !== 0) return null;
  if (bytes[0] !== VERSION || bytes[1] !== (ANSWER | operation)) return null;
  const result = bytes[3] ?? 0;
  return result === 0 ? '' : (RESULTS[result] ?? `it answers with code ${result}`);
}
