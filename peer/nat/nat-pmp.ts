import type { GatewayAnswer } from './gateway-request.ts';

/** NAT-PMP (RFC 6886): questions for the public address and for mappings of UDP ports, and their answers. */

export interface PmpMapping {
  readonly internalPort: number;
  readonly externalPort: number;
  /** 0: there is none (any more). */
  readonly lifetimeS: number;
}

/** Result codes of §3.5. */
const RESULTS: Readonly<Record<number, string>> = {
  1: 'it does not speak this version',
  2: 'it refuses, or has port mapping switched off',
  3: 'it has no public address itself',
  4: 'it has no port left',
  5: 'it does not know this question',
};

const OP_ADDRESS = 0;
const OP_MAP_UDP = 1;
const ANSWER = 128;

export function writePmpAddress(): Buffer {
  return Buffer.from([0, OP_ADDRESS]);
}

/** §3.3. `lifetimeS` 0 takes the mapping away, with an external port of 0 then (§3.4). */
export function writePmpMap({ internalPort, externalPort, lifetimeS }: PmpMapping): Buffer {
  const out = Buffer.alloc(12);
  out[1] = OP_MAP_UDP;
  out.writeUInt16BE(internalPort, 4);
  out.writeUInt16BE(externalPort, 6);
  out.writeUInt32BE(lifetimeS, 8);
  return out;
}

/** The public address; null for what is no answer to {@link writePmpAddress}. */
export function readPmpAddress(bytes: Buffer): GatewayAnswer<string> | null {
  const error = resultOf(bytes, OP_ADDRESS);
  if (error !== '') return error === null ? null : failed(error);
  return bytes.length === 12 ? { ok: [...bytes.subarray(8, 12)].join('.') } : null;
}

/** Null for what is no answer to a {@link writePmpMap} of that port. */
export function readPmpMap(bytes: Buffer, internalPort: number): GatewayAnswer<PmpMapping> | null {
  const error = resultOf(bytes, OP_MAP_UDP);
  if (error === null) return null;
  const whole = bytes.length === 16;
  if (whole && bytes.readUInt16BE(8) !== internalPort) return null;
  if (error !== '') return failed(error);
  return whole ? { ok: { internalPort, externalPort: bytes.readUInt16BE(10), lifetimeS: bytes.readUInt32BE(12) } } : null;
}

function failed(error: string): { error: string; speaks: boolean } {
  return { error, speaks: error !== RESULTS[1] };
}

/** '' for success, null when it is no answer to `operation`. */
function resultOf(bytes: Buffer, operation: number): string | null {
  if (bytes.length < 8 || bytes[0] !== 0 || bytes[1] !== ANSWER + operation) return null;
  const result = bytes.readUInt16BE(2);
  return result === 0 ? '' : (RESULTS[result] ?? `it answers with code ${result}`);
}
