import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import { TokenBucket } from '../../electron/base/token-bucket.ts';
import { BandwidthEstimator, MOST_BPS } from './bandwidth-estimator.ts';
import { SentHistory } from './bandwidth-history.ts';
import { Pacer } from './bandwidth-pacer.ts';
import { BandwidthProbe, PROBE_BYTES } from './bandwidth-probe.ts';
import { BulkShare } from './bulk-share.ts';
import type { OutboundPacket, Transport } from './transport.ts';
import type { TwccFeedback } from './twcc.ts';

/** What is sent goes through here to the network. */
type Wire = Pick<Transport, 'seal' | 'sendSealed' | 'sendSenderReport'>;

/** IP and UDP around a packet, as IPv4 has them. */
const AROUND = 28;
/** Packets that nobody needs: their type, which no codec has. */
export const PROBE_PAYLOAD_TYPE = 127;
const PROBE_TICK_MS = 4;
/** Feedback comes seven times a second, and after each 256 packets; more of it than this is looked at by nobody. */
const FEEDBACKS = { perSecond: 50, burst: 50 };

export interface BandwidthControlOptions {
  readonly wire: Wire;
  readonly clock: Clock;
  /** Of the session; null before it was measured. */
  readonly rttMs: () => number | null;
  /** The viewer tells of each packet when it arrived. Else there is nothing to go by, and the rate has its upper limit. */
  readonly isTold: () => boolean;
  /** Bytes of bulk data that are under way and not acknowledged. */
  readonly bulkFlight?: () => number;
}

/**
 * What one viewer's session sends, and how fast: gives packets their transport-wide number, paces media and repair by what the way
 * carries, and tries whether it carries more. It is what RtpStream sends through.
 */
export class BandwidthControl implements Wire {
  readonly pacer: Pacer;
  /** What is left for data that may wait. */
  readonly bulk: BulkShare;
  readonly #options: BandwidthControlOptions;
  readonly #history = new SentHistory();
  readonly #estimator = new BandwidthEstimator();
  readonly #probe = new BandwidthProbe();
  readonly #feedbacks: TokenBucket;
  readonly #padding = Buffer.alloc(PROBE_BYTES);
  readonly #probeSsrc = randomBytes(4).readUInt32BE();
  #probeSequence = 0;
  #timer: Timer | null = null;
  #isHeard = false;
  #closed = false;

  constructor(options: BandwidthControlOptions) {
    this.#options = options;
    this.#feedbacks = new TokenBucket(options.clock, FEEDBACKS.perSecond, FEEDBACKS.burst);
    this.pacer = new Pacer(options.clock, () => this.#rate);
    const { clock, rttMs, bulkFlight = () => 0 } = options;
    this.bulk = new BulkShare({ clock, rttMs, flight: bulkFlight, bandwidth: this });
  }

  /** Bits a second that the way carries, as far as is known; null without any feedback. */
  get estimateBps(): number | null {
    return this.#isHeard ? this.#estimator.bps : null;
  }

  /** What waits in queues on the way, ms. */
  get queueMs(): number {
    return this.#estimator.queueMs;
  }

  /** Monotonic ms of the last time that there was too much traffic; -Infinity: never. */
  get backedOffAt(): number {
    return this.#estimator.backedOffAt;
  }

  /** Bytes sent for nothing but to try the way. */
  get probedBytes(): number {
    return this.#probe.sentBytes;
  }

  seal(packet: OutboundPacket): Buffer | null {
    return this.#seal(packet, 0);
  }

  sendSealed(sealed: Buffer): void {
    this.#options.wire.sendSealed(sealed);
  }

  /** Sends again what was sealed before. False where repair has had its share: the viewer will ask again. */
  repeatSealed(sealed: Buffer): boolean {
    if (!this.pacer.repair(sealed.length + AROUND)) return false;
    this.#options.wire.sendSealed(sealed);
    return true;
  }

  sendSenderReport(report: Parameters<Wire['sendSenderReport']>[0]): void {
    this.#options.wire.sendSenderReport(report);
  }

  /** What the viewer says of the packets it got. */
  onFeedback(feedback: TwccFeedback): void {
    if (!this.#feedbacks.take()) return;
    const reports = this.#history.take(feedback);
    if (reports.length === 0) return;
    this.#isHeard = true;
    this.#estimator.take(reports, this.#options.clock.monotonic(), this.#options.rttMs() ?? 100, this.bulk.bps);
    const came = this.#probe.take(reports);
    if (came !== null && came > 0) this.#estimator.proved(came);
  }

  /** Tries whether the way carries `bps`: for a tenth of a second. False where it is being tried already, or nobody would tell. */
  probe(bps: number): boolean {
    if (this.#closed || !this.#isHeard || !this.#probe.begin(bps, this.#options.clock.monotonic())) return false;
    this.#sendProbe();
    return true;
  }

  get isProbing(): boolean {
    return this.#probe.isRunning;
  }

  /** The session goes another way from here on. */
  reset(): void {
    this.#estimator.reset(this.#options.clock.monotonic());
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  get #rate(): number {
    return this.#options.isTold() ? this.#estimator.bps : MOST_BPS;
  }

  #seal(packet: OutboundPacket, probe: number): Buffer | null {
    const { wire, clock, isTold } = this.#options;
    if (!isTold()) return wire.seal(packet);
    const sealed = wire.seal({ ...packet, transportSequence: this.#history.nextNumber });
    if (sealed) this.#history.add(clock.monotonic(), sealed.length + AROUND, probe);
    return sealed;
  }

  #sendProbe(): void {
    const { packets, number } = this.#probe.due(this.#options.clock.monotonic());
    for (let count = 0; count < packets; count += 1) {
      const sequenceNumber = this.#probeSequence & 0xffff;
      this.#probeSequence += 1;
      const fields = { ssrc: this.#probeSsrc, sequenceNumber, timestamp: 0, marker: false, payloadType: PROBE_PAYLOAD_TYPE };
      const sealed = this.#seal({ ...fields, payload: this.#padding, composition: 0 }, number);
      if (sealed) this.#options.wire.sendSealed(sealed);
    }
    if (this.#probe.isSending && !this.#closed) this.#timer = this.#options.clock.setTimeout(() => this.#sendProbe(), PROBE_TICK_MS);
  }
}
