import type { PacketReport } from './bandwidth-history.ts';

const WINDOW_MS = 1_000;
/** Fewer packets say nothing about their loss. */
const LEAST_PACKETS = 30;
const SLOT_MS = 100;
/** A rate is that of so long at least, ms. */
const LEAST_MS = 300;

interface Slot {
  readonly at: number;
  packets: number;
  lost: number;
  bytes: number;
}

/** Packets sent so short a time before the newest may still be on their way, and only late, ms. */
const UNSURE_MS = 100;

/** The share of packets lost, and what was sent, in the last second of sending; before repair. */
export class LossMeter {
  #slots: Slot[] = [];
  #since = -Infinity;

  push({ sentAt, arrivedAt, bytes, wasLate }: PacketReport): void {
    if (sentAt < this.#since) return;
    let slot = this.#slots.findLast(({ at }) => at <= sentAt) ?? this.#slots[0];
    if (!slot || (slot === this.#slots.at(-1) && sentAt - slot.at >= SLOT_MS)) {
      slot = { at: sentAt, packets: 0, lost: 0, bytes: 0 };
      this.#slots = [...this.#slots.filter(({ at }) => at > sentAt - WINDOW_MS), slot];
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
    const until = (this.#slots.at(-1)?.at ?? 0) - UNSURE_MS;
    const sure = this.#slots.filter(({ at }) => at <= until);
    const packets = sure.reduce((sum, slot) => sum + slot.packets, 0);
    const lost = sure.reduce((sum, slot) => sum + slot.lost, 0);
    return packets < LEAST_PACKETS ? null : Math.max(0, lost) / packets;
  }

  get sentBps(): number {
    const bytes = this.#slots.reduce((sum, slot) => sum + slot.bytes, 0);
    const ms = (this.#slots.at(-1)?.at ?? 0) - (this.#slots[0]?.at ?? 0) + SLOT_MS;
    return (bytes * 8 * 1000) / Math.max(ms, LEAST_MS);
  }

  /** Counts only what is sent from `now` on: the rate is another. */
  reset(now: number): void {
    this.#slots = [];
    this.#since = now;
  }
}
