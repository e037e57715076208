import type { Clock } from '../../electron/base/clock.ts';
import type { BandwidthControl } from './bandwidth-control.ts';

/** Bits a second: where it begins, and the bounds of what it may take. The upper one spares a small camera's processor. */
const START_BPS = 256_000;
const LEAST_BPS = 32_000;
export const MOST_BULK_BPS = 16_000_000;
/** Factor a second while the way stays empty. */
const GROWTH = 1.6;
/** Grows only while this share of it is used. */
const USED = 0.5;
/** A queue on the way above the first is too long already, above the second nothing is sent at all, ms: the pictures' own limit is further up. */
const [QUEUE_MS, FULL_MS] = [10, 40];
/** What stands though next to nothing was sent for so long is no queue of ours but a longer way, up to the first of these, ms. */
const [MOST_OFFSET_MS, STILL_MS] = [25, 2_000];
const [CUT, CUT_EACH_MS] = [0.7, 250];
/** After the estimate had to go down: this share, after this time, ms. */
const [BACK_OFF, PAUSE_MS] = [0.5, 700];
/** What may leave at once, ms of the rate: timers come late where a machine is busy. */
const BURST_MS = 40;
/** Pieces take at most this long at the estimated rate, ms, within these bounds, bytes. */
const PIECE_MS = 8;
const [LEAST_PIECE, MOST_PIECE] = [1_000, 4_096];
/** What is under way and not acknowledged: a round trip and this time of the rate, ms, within these bounds, bytes. */
const FLIGHT_MS = 100;
const [LEAST_FLIGHT, MOST_FLIGHT] = [8 * 1024, 192 * 1024];
/** DTLS, SCTP, UDP and IP around a piece, for each packet of it, bytes. */
const [PACKET, AROUND] = [1_160, 94];
const WINDOW_MS = 1_000;
/** What went out is counted in so many ms at once. */
const SLOT_MS = 50;

export interface BulkShareOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly bandwidth: Pick<BandwidthControl, 'estimateBps' | 'queueMs' | 'backedOffAt' | 'isProbing' | 'pacer'>;
  /** Of the session; null before it was measured. */
  readonly rttMs: () => number | null;
  /** Bytes that are under way and not acknowledged. */
  readonly flight: () => number;
}

/**
 * What pictures leave free. Bulk data goes out of the same pacer as they do, after them: a part of its bucket is always theirs, a
 * queue on the way is answered long before the pictures' own control would answer it (after LEDBAT, RFC 6817: what yields must notice
 * first), and while the estimate has just gone down, or is being tried, nothing is sent at all.
 */
export class BulkShare {
  readonly #options: BulkShareOptions;
  #rate = START_BPS;
  #tokens = 0;
  #at: number;
  #seenBackOff = -Infinity;
  #pausedUntil = -Infinity;
  #cutAt = -Infinity;
  /** What seems to stand on the way without anything of ours, ms. */
  #offsetMs = 0;
  /** Since when as little as possible is sent, and the least that stood meanwhile. */
  #still: { readonly since: number; leastMs: number } | null = null;
  /** What went out of late, oldest first. */
  readonly #sent: { readonly at: number; bytes: number }[] = [];

  constructor(options: BulkShareOptions) {
    this.#options = options;
    this.#at = options.clock.monotonic();
  }

  /** How long a piece should be, bytes: no picture waits long behind one. */
  get pieceBytes(): number {
    const bytes = ((this.#options.bandwidth.estimateBps ?? 0) / 8_000) * PIECE_MS;
    return Math.round(Math.min(MOST_PIECE, Math.max(LEAST_PIECE, bytes)));
  }

  /** Bits a second that went out and arrived, as far as is known. */
  get bps(): number {
    const { clock, rttMs } = this.#options;
    const to = clock.monotonic() - (rttMs() ?? FLIGHT_MS);
    return (this.#sent.reduce((sum, { at, bytes }) => (at > to - WINDOW_MS && at <= to ? sum + bytes : sum), 0) * 8_000) / WINDOW_MS;
  }

  /** Whether a piece of so many bytes may go out now; then it is accounted for. */
  take(bytes: number): boolean {
    const { clock, bandwidth, flight, rttMs } = this.#options;
    const now = clock.monotonic();
    const size = bytes + Math.ceil(bytes / PACKET) * AROUND;
    this.#adapt(now);
    if (bandwidth.estimateBps === null || bandwidth.isProbing || now < this.#pausedUntil) return false;
    const window = (this.#rate / 8_000) * (FLIGHT_MS + (rttMs() ?? FLIGHT_MS));
    if (flight() + bytes > Math.min(MOST_FLIGHT, Math.max(LEAST_FLIGHT, window))) return false;
    if (this.#tokens <= 0 || !bandwidth.pacer.takeSpare(size)) return false;
    this.#tokens -= size;
    const last = this.#sent.at(-1);
    if (last && now - last.at < SLOT_MS) last.bytes += size;
    else this.#sent.push({ at: now, bytes: size });
    return true;
  }

  #adapt(now: number): void {
    const elapsed = Math.min(1_000, now - this.#at);
    this.#at = now;
    const { bandwidth } = this.#options;
    const isUsed = this.#recent(now) >= USED * this.#rate;
    const queueMs = this.#queueMs(now);
    if (bandwidth.backedOffAt > this.#seenBackOff) {
      this.#seenBackOff = bandwidth.backedOffAt;
      this.#rate *= BACK_OFF;
      this.#pausedUntil = now + PAUSE_MS;
    } else if (queueMs > QUEUE_MS) {
      if (now - this.#cutAt >= CUT_EACH_MS) {
        this.#cutAt = now;
        this.#rate *= CUT;
      }
      if (queueMs > FULL_MS) this.#pausedUntil = Math.max(this.#pausedUntil, now + CUT_EACH_MS);
    } else if (isUsed) this.#rate *= GROWTH ** (elapsed / 1_000);
    this.#rate = Math.min(MOST_BULK_BPS, Math.max(LEAST_BPS, this.#rate));
    const bytesPerMs = this.#rate / 8_000;
    this.#tokens = Math.min(Math.max(MOST_PIECE, bytesPerMs * BURST_MS), this.#tokens + elapsed * bytesPerMs);
  }

  /** What stands on the way beyond what it always seems to have. */
  #queueMs(now: number): number {
    const { queueMs } = this.#options.bandwidth;
    this.#offsetMs = Math.min(this.#offsetMs, queueMs);
    if (this.#rate > LEAST_BPS) this.#still = null;
    else {
      this.#still ??= { since: now, leastMs: queueMs };
      this.#still.leastMs = Math.min(this.#still.leastMs, queueMs);
      if (now - this.#still.since >= STILL_MS) {
        this.#offsetMs = Math.min(MOST_OFFSET_MS, this.#still.leastMs);
        this.#still = null;
      }
    }
    return queueMs - this.#offsetMs;
  }

  /** Bits a second that went out in the last second; forgets what is older. */
  #recent(now: number): number {
    let old = 0;
    while ((this.#sent[old]?.at ?? Infinity) < now - 2 * WINDOW_MS) old += 1;
    if (old > 0) this.#sent.splice(0, old);
    return (this.#sent.reduce((sum, { at, bytes }) => (at > now - WINDOW_MS ? sum + bytes : sum), 0) * 8_000) / WINDOW_MS;
  }
}
