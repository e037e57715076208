import { TWCC_WRAP_MS, type TwccFeedback } from './twcc.ts';

/** What feedback says of one packet that was sent. */
export interface PacketReport {
  /** ms by our clock. */
  readonly sentAt: number;
  /** ms by the receiver's clock, which has another zero; null: lost. */
  readonly arrivedAt: number | null;
  /** With all headers. */
  readonly bytes: number;
  /** It was told of as lost before, and had only been late. */
  readonly wasLate: boolean;
  /** Of which probe it was, by number; 0: of none. */
  readonly probe: number;
}

/** Packets remembered: a second at 40 Mbit/s. */
const SLOTS = 4096;
const UNKNOWN = 0;
const LOST = 1;
const ARRIVED = 2;

/** What was sent, by its transport-wide number, until feedback says what became of it. */
export class SentHistory {
  readonly #sentAt = new Float64Array(SLOTS);
  readonly #bytes = new Uint16Array(SLOTS);
  readonly #probes = new Uint32Array(SLOTS);
  readonly #fates = new Uint8Array(SLOTS);
  #next = 0;
  /** The last arrival time, which does not wrap. */
  #arrivedAt: number | null = null;

  /** Of the packet that is sent next, 16 bits. */
  get nextNumber(): number {
    return this.#next & 0xffff;
  }

  add(sentAt: number, bytes: number, probe = 0): void {
    const slot = this.#next % SLOTS;
    this.#sentAt[slot] = sentAt;
    this.#bytes[slot] = Math.min(bytes, 0xffff);
    this.#probes[slot] = probe;
    this.#fates[slot] = UNKNOWN;
    this.#next += 1;
  }

  /** What is new in `feedback`, in order of sending. Packets that we never sent, or have forgotten, are left out. */
  take(feedback: TwccFeedback): PacketReport[] {
    const newest = this.#next - 1;
    const base = newest - ((newest - feedback.base) & 0xffff);
    const reports: PacketReport[] = [];
    for (const [index, arrival] of feedback.arrivals.entries()) {
      const number = base + index;
      if (number < 0 || number <= newest - SLOTS || number > newest) continue;
      const slot = number % SLOTS;
      const known = this.#fates[slot] ?? UNKNOWN;
      const arrivedAt = Number.isNaN(arrival) ? null : this.#unwrap(arrival);
      if (known === ARRIVED || (known === LOST && arrivedAt === null)) continue;
      this.#fates[slot] = arrivedAt === null ? LOST : ARRIVED;
      const [sentAt = 0, bytes = 0, probe = 0] = [this.#sentAt[slot], this.#bytes[slot], this.#probes[slot]];
      reports.push({ sentAt, arrivedAt, bytes, wasLate: known === LOST, probe });
    }
    return reports;
  }

  #unwrap(arrival: number): number {
    const last = this.#arrivedAt ?? arrival;
    const turns = Math.round((last - arrival) / TWCC_WRAP_MS);
    this.#arrivedAt = arrival + turns * TWCC_WRAP_MS;
    return this.#arrivedAt;
  }
}
