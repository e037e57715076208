import type { SimulatedClock } from '../../electron/base/clock.ts';
import { BandwidthControl } from '../../peer/session/bandwidth-control.ts';
import type { OutboundPacket } from '../../peer/session/transport.ts';
import { parseTwcc } from '../../peer/session/twcc.ts';
import { TwccRecorder } from '../../peer/session/twcc-recorder.ts';
import { ImpairedLink, type Impairment } from './impaired-link.ts';

const TICK_MS = 4;
const PACKET = 1_150;

/**
 * A camera that sends at its own rate over an imagined network to a viewer that tells what arrives, on a simulated clock. Its clock
 * and the viewer's have nothing in common.
 */
export class SimulatedWay {
  readonly control: BandwidthControl;
  readonly link: ImpairedLink;
  readonly back: ImpairedLink;
  /** Bytes not sent yet for want of rate, packet by packet: when they were made. */
  readonly backlog: number[] = [];
  readonly delaysMs: number[] = [];
  /** Packets of pictures, and probes, that were sent. */
  sent = 0;
  /** Of bulk data: bytes that arrived, and that are under way. */
  readonly bulk = { arrived: 0, flying: 0 };
  /** Packets that were thrown away unsent, because they waited too long. */
  thrownAway = 0;
  readonly #clock: SimulatedClock;
  readonly #recorder: TwccRecorder;
  #unread: (() => void)[] | null = null;
  #sequence = 0;
  #kbps = 0;
  #owed = 0;
  #sinceKey = 0;

  constructor(clock: SimulatedClock, impairment: Partial<Impairment>, seed = 1) {
    this.#clock = clock;
    this.link = new ImpairedLink({ clock, seed, impairment });
    this.back = new ImpairedLink({ clock, seed: seed + 1, impairment: { delayMs: impairment.delayMs ?? 0 } });
    const theirs = { ...ownClock(clock), monotonic: () => clock.monotonic() * 1.00005 + 7e6 };
    this.#recorder = new TwccRecorder({
      clock: theirs,
      send: (packet) => {
        const padding = (packet[0] ?? 0) & 0x20 ? (packet.at(-1) ?? 0) : 0;
        this.back.send(packet.length, () => {
          const feedback = parseTwcc(packet.subarray(4, packet.length - padding));
          if (feedback) this.control.onFeedback(feedback);
        });
      },
    });
    const numbers = new WeakMap<Buffer, number>();
    this.control = new BandwidthControl({
      clock,
      rttMs: () => 2 * (impairment.delayMs ?? 0),
      isTold: () => true,
      bulkFlight: () => this.bulk.flying,
      wire: {
        seal: (packet: OutboundPacket) => {
          const sealed = Buffer.alloc(packet.payload.length + 36);
          numbers.set(sealed, packet.transportSequence ?? 0);
          return sealed;
        },
        sendSealed: (sealed) => {
          const sentAt = clock.monotonic();
          this.sent += 1;
          this.link.send(sealed.length + 28, () => {
            this.delaysMs.push(clock.monotonic() - sentAt);
            const read = () => this.#recorder.push(numbers.get(sealed) ?? 0, 1);
            if (this.#unread) this.#unread.push(read);
            else read();
          });
        },
        sendSenderReport: () => {},
      },
    });
  }

  /** The age of what waits longest to be sent, ms. */
  get waitMs(): number {
    return this.backlog.length > 0 ? this.#clock.monotonic() - (this.backlog[0] ?? 0) : 0;
  }

  /**
   * Sends for `ms`, `kbps` in the mean: 25 frames a second, a keyframe each second six times as large as the others. What waits
   * longer than `mostMs` is thrown away. `each` is called each 4 ms. `bulk`: there is no end of bulk data to send.
   */
  async run(ms: number, kbps: number, options: { mostMs?: number; each?: () => void; bulk?: boolean } = {}): Promise<void> {
    this.#kbps = kbps;
    const until = this.#clock.monotonic() + ms;
    let frameAt = this.#clock.monotonic();
    while (this.#clock.monotonic() < until) {
      if (this.#clock.monotonic() >= frameAt) {
        frameAt += 40;
        this.#frame();
      }
      for (; this.waitMs > (options.mostMs ?? 1_000); this.thrownAway += 1) this.backlog.shift();
      this.#drain();
      if (options.bulk) this.#sendBulk();
      options.each?.();
      await this.#clock.advance(TICK_MS);
    }
  }

  /** The viewer is busy with something else: what arrives for `ms` it reads all at once. */
  stall(ms: number): void {
    const unread: (() => void)[] = [];
    this.#unread = unread;
    this.#clock.setTimeout(() => {
      this.#unread = null;
      for (const read of unread) read();
    }, ms);
  }

  /** As SCTP does it, with what is lost counted as under way until its timer of a second sends it again. */
  #sendBulk(): void {
    const { bulk } = this.control;
    for (let size = bulk.pieceBytes; bulk.take(size); size = bulk.pieceBytes) {
      this.bulk.flying += size;
      this.#sendPiece(size);
    }
  }

  #sendPiece(size: number): void {
    let isHere = false;
    const again = this.#clock.setTimeout(() => !isHere && this.#sendPiece(size), 1_000);
    this.link.send(size + 94 * Math.ceil(size / PACKET), () => {
      if (isHere) return;
      isHere = true;
      again.cancel();
      this.bulk.arrived += size;
      this.back.send(80, () => (this.bulk.flying -= size));
    });
  }

  #frame(): void {
    const isKey = this.#sinceKey === 0;
    this.#sinceKey = (this.#sinceKey + 1) % 25;
    this.#owed += ((this.#kbps * 1_000) / 8 / 30) * (isKey ? 6 : 1);
    for (; this.#owed >= PACKET; this.#owed -= PACKET) this.backlog.push(this.#clock.monotonic());
  }

  #drain(): void {
    while (this.backlog.length > 0 && this.control.pacer.available > 0) {
      this.backlog.shift();
      this.#sequence = (this.#sequence + 1) & 0xffff;
      const sealed = this.control.seal({
        ssrc: 1,
        sequenceNumber: this.#sequence,
        timestamp: 0,
        marker: false,
        payloadType: 96,
        payload: new Uint8Array(PACKET),
        composition: 0,
      });
      if (!sealed) return;
      this.control.pacer.spend(sealed.length + 28);
      this.control.sendSealed(sealed);
    }
  }
}

const ownClock = (clock: SimulatedClock) => ({
  now: () => clock.now(),
  setTimeout: (run: () => void, ms: number) => clock.setTimeout(run, ms),
});
