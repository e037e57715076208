import type { PortAllocation } from './report.ts';

/** A new mapping: the port of the socket it is for, and the public port it was given. */
export interface Allocated {
  readonly local: number;
  readonly mapped: number;
}

export interface AllocationPattern {
  readonly allocation: PortAllocation;
  /** From one new mapping to the next, negative when the NAT counts down; null unless `sequential`. */
  readonly step: number | null;
}

/** Well-known ports are not given out (RFC 6056 §3.2). */
export const LEAST_PORT = 1024;
/** Mappings that others open between two of ours, times the step, up to which a row of ports still counts as one. */
const MAX_GAP = 40;

/** What the public ports of new mappings, in the order in which they were opened, have in common (three at least). */
export function allocationOf(row: readonly Allocated[]): AllocationPattern {
  if (row.length < 3) return { allocation: 'unknown', step: null };
  const preserved = row.filter(({ local, mapped }) => local === mapped).length;
  if (preserved * 2 > row.length) return { allocation: 'preserved', step: null };
  const ports = row.map(({ mapped }) => mapped);
  const step = stepOf(ports) ?? scaled(stepOf(ports.map(swapped)));
  return step === null ? { allocation: 'random', step: null } : { allocation: 'sequential', step };
}

/** The ports that the next mappings most likely get, nearest first, without repetition; `step` as in {@link AllocationPattern}. */
export function predictPorts(last: number, step: number, count: number): number[] {
  const ports: number[] = [];
  for (let nth = 1; nth <= count; nth += 1) {
    // Some NATs count in the wrong byte order: the port's high byte runs, and carries into the low one.
    const port = step % 256 === 0 ? swapped(modulo(swapped(last) + nth * (step / 256))) : around(last + nth * step);
    if (port >= LEAST_PORT) ports.push(port);
  }
  return [...new Set(ports)];
}

/** The greatest step that all differences are multiples of, when all go one way and none is far. */
function stepOf(ports: readonly number[]): number | null {
  const differences = ports.slice(1).map((port, index) => {
    const forward = modulo(port - (ports[index] ?? 0));
    return forward > 0x8000 ? forward - 0x10000 : forward;
  });
  const sign = Math.sign(differences[0] ?? 0);
  if (sign === 0 || differences.some((difference) => Math.sign(difference) !== sign)) return null;
  const sizes = differences.map(Math.abs);
  const step = sizes.reduce(greatestCommonDivisor);
  return step <= 16 && sizes.every((size) => size <= MAX_GAP * step) ? sign * step : null;
}

function scaled(step: number | null): number | null {
  return step === null ? null : step * 256;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function swapped(port: number): number {
  return ((port & 0xff) << 8) | (port >> 8);
}

/** Who counts to the end begins again above the well-known ports. */
function around(port: number): number {
  if (port > 0xffff) return LEAST_PORT + (port - 0x10000);
  return port < LEAST_PORT ? 0x10000 - (LEAST_PORT - port) : port;
}

function modulo(port: number): number {
  return port & 0xffff;
}
