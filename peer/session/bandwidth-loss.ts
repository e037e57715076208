import type { PacketReport } from './bandwidth-history.ts';

const WINDOW_MS = 1_000;
/** Fewer packets say nothing about their loss. */
const LEAST_PACKETS = 30;
const SLOT_MS = 100;

interface Slot {
  readonly at: number;
  packets: number;
  lost: number;
  bytes: number;
}

/** The share of packets lost, and what was sent, in the last second of sending; before repair. */
export class LossMeter {
  #slots: Slot[] = [];

  push({ sentAt, arrivedAt, bytes, wasLate }: PacketReport): void {
    const last = this.#slots.at(-1);
    const slot = last && sentAt - last.at < SLOT_MS ? last : { at: sentAt, packets: 0, lost: 0, bytes: 0 };
    if (slot !== last) {
      this.#slots.push(slot);
      this.#slots = this.#slots.filter(({ at }) => at > sentAt - WINDOW_MS);
    }
    if (wasLate) slot.lost -= 1;
    else {
      slot.packets += 1;
      slot.bytes += bytes;
      if (arrivedAt === null) slot.lost += 1;
    }
  }

  /** 0..1; null while too few packets are known of. */
  get share(): number | null {
    const packets = this.#slots.reduce((sum, slot) => sum + slot.packets, 0);
    const lost = this.#slots.reduce((sum, slot) => sum + slot.lost, 0);
    return packets < LEAST_PACKETS ? null : Math.max(0, lost) / packets;
  }

  get sentBps(): number {
    const bytes = this.#slots.reduce((sum, slot) => sum + slot.bytes, 0);
    return (bytes * 8 * 1000) / WINDOW_MS;
  }

  reset(): void {
    this.#slots = [];
  }
}
