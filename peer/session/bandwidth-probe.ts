import type { PacketReport } from './bandwidth-history.ts';

/** A probe lasts so long, ms, and has so many packets at least. */
const PROBE_MS = 100;
const PROBE_PACKETS = 12;
export const PROBE_BYTES = 1_100;
/** Packets that must arrive. */
const ENOUGH = 0.8;
/** What arrives at this share of the rate at which it was sent was not held up. */
const UNHINDERED = 0.9;
/** Without a word about it for so long a probe has failed, ms. */
const FORGOTTEN_MS = 3_000;

interface Probe {
  readonly number: number;
  readonly bps: number;
  readonly packets: number;
  readonly since: number;
  left: number;
  readonly reports: PacketReport[];
}

/**
 * Finds out whether the way carries more than the camera sends: a train of packets that nobody needs, at the rate that is asked
 * for, and how far apart they arrive (the probe clusters of browsers' congestion control).
 */
export class BandwidthProbe {
  #probe: Probe | null = null;
  #number = 0;
  #sentBytes = 0;

  /** While one is under way no other begins. */
  get isRunning(): boolean {
    return this.#probe !== null;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** False while one is under way. */
  begin(bps: number, now: number): boolean {
    if (this.#probe && now - this.#probe.since < FORGOTTEN_MS) return false;
    this.#number += 1;
    const packets = Math.max(PROBE_PACKETS, Math.ceil((bps * PROBE_MS) / 8_000 / PROBE_BYTES));
    this.#probe = { number: this.#number, bps, packets, since: now, left: packets, reports: [] };
    return true;
  }

  /** How many of its packets are due, and the probe's number. */
  due(now: number): { readonly packets: number; readonly number: number } {
    const probe = this.#probe;
    if (!probe) return { packets: 0, number: 0 };
    const until = Math.min(probe.packets, 1 + Math.floor(((now - probe.since) * probe.bps) / 8_000 / PROBE_BYTES));
    const packets = Math.max(0, until - (probe.packets - probe.left));
    probe.left -= packets;
    this.#sentBytes += packets * PROBE_BYTES;
    return { packets, number: probe.number };
  }

  /** True when packets of it are still to be sent. */
  get isSending(): boolean {
    return (this.#probe?.left ?? 0) > 0;
  }

  /** The rate that came through, bits a second, once all is known of a probe; 0 when it failed; null when there is nothing to say. */
  take(reports: readonly PacketReport[]): number | null {
    const probe = this.#probe;
    if (!probe) return null;
    probe.reports.push(...reports.filter((report) => report.probe === probe.number));
    if (probe.left > 0 || probe.reports.length < probe.packets) return null;
    this.#probe = null;
    return resultOf(probe);
  }
}

function resultOf(probe: Probe): number {
  const arrived = probe.reports.filter((report) => report.arrivedAt !== null);
  const [first] = arrived;
  const last = arrived.at(-1);
  if (!first || !last || arrived.length < ENOUGH * probe.packets) return 0;
  // In gaps: the first packet's own bytes took their time before it arrived.
  const bits = arrived.slice(1).reduce((sum, { bytes }) => sum + bytes, 0) * 8;
  const sent = (bits * 1_000) / Math.max(1, last.sentAt - first.sentAt);
  const received = (bits * 1_000) / Math.max(1, (last.arrivedAt ?? 0) - (first.arrivedAt ?? 0));
  return received >= UNHINDERED * sent ? Math.min(sent, received) : 0.95 * received;
}
