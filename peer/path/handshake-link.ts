import type { Clock, Timer } from '../../electron/base/clock.ts';

/**
 * Carries the datagrams of a DTLS handshake in order and without loss, by numbers and acknowledgements: the library's
 * handshake does not survive every lost record, and one in twenty packets lost is an ordinary Wi-Fi. Both ends must know it
 * (it is agreed with offer and answer); a browser's session goes without. What it carries is authenticated by DTLS, as ever.
 *
 * A frame: 1 byte (a value that RFC 7983 §7 leaves to nobody), 1 byte kind, 2 bytes number, then the datagram.
 */
const FIRST_BYTE = 0xc8;
const DATA = 0;
const ACK = 1;
const HEADER = 4;
/** First repetition after this time, ms, then each time half as long again, up to the longest. */
const REPEAT_MS = 60;
const LONGEST_MS = 400;
/** What waits for an acknowledgement, or for what comes before it. A handshake has about a dozen datagrams. */
const MAX_WAITING = 64;
const GIVE_UP_MS = 15_000;

interface Sent {
  readonly frame: Buffer;
  readonly since: number;
  delay: number;
  due: number;
}

export const isHandshakeFrame = (data: Uint8Array): boolean => data[0] === FIRST_BYTE && data.length >= HEADER;

export class HandshakeLink {
  readonly #clock: Clock;
  readonly #write: (frame: Buffer) => void;
  readonly #deliver: (datagram: Buffer) => void;
  readonly #sent = new Map<number, Sent>();
  readonly #early = new Map<number, Buffer>();
  #nextOut = 0;
  #nextIn = 0;
  #dropped = 0;
  #timer: Timer | null = null;
  #closed = false;

  constructor(options: { clock: Clock; write: (frame: Buffer) => void; deliver: (datagram: Buffer) => void }) {
    this.#clock = options.clock;
    this.#write = options.write;
    this.#deliver = options.deliver;
  }

  /** Datagrams that found no place, ours and theirs. */
  get dropped(): number {
    return this.#dropped;
  }

  send(datagram: Uint8Array): void {
    if (this.#closed) return;
    if (this.#sent.size >= MAX_WAITING) {
      this.#dropped += 1;
      return;
    }
    const number = this.#nextOut & 0xffff;
    this.#nextOut += 1;
    const frame = Buffer.concat([header(DATA, number), datagram]);
    const now = this.#clock.monotonic();
    this.#sent.set(number, { frame, since: now, delay: REPEAT_MS, due: now + REPEAT_MS });
    this.#write(frame);
    this.#arm();
  }

  /** Takes a frame of the other end; what is none, or comes again, has no effect beyond an acknowledgement. */
  receive(frame: Buffer): void {
    if (this.#closed || !isHandshakeFrame(frame)) return;
    const number = frame.readUInt16BE(2);
    if (frame[1] === ACK) {
      this.#sent.delete(number);
      return;
    }
    if (frame[1] !== DATA) return;
    const ahead = (number - this.#nextIn) & 0xffff;
    // Half of the numbers lie behind: they came before, and their acknowledgement was lost.
    const known = ahead >= 0x8000;
    if (!known && ahead >= MAX_WAITING) {
      this.#dropped += 1;
      return;
    }
    this.#write(header(ACK, number));
    if (known) return;
    this.#early.set(number, Buffer.from(frame.subarray(HEADER)));
    for (;;) {
      const wanted = this.#nextIn & 0xffff;
      const datagram = this.#early.get(wanted);
      if (!datagram || this.#closed) return;
      this.#early.delete(wanted);
      this.#nextIn += 1;
      this.#deliver(datagram);
    }
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#sent.clear();
    this.#early.clear();
  }

  #arm(): void {
    this.#timer?.cancel();
    if (this.#closed || this.#sent.size === 0) return;
    const now = this.#clock.monotonic();
    const due = Math.min(...[...this.#sent.values()].map((sent) => sent.due));
    this.#timer = this.#clock.setTimeout(() => this.#repeat(), Math.max(1, due - now));
  }

  #repeat(): void {
    const now = this.#clock.monotonic();
    for (const [number, sent] of this.#sent) {
      if (now - sent.since > GIVE_UP_MS) this.#sent.delete(number);
      else if (sent.due <= now) {
        sent.delay = Math.min(LONGEST_MS, sent.delay * 1.5);
        sent.due = now + sent.delay;
        this.#write(sent.frame);
      }
    }
    this.#arm();
  }
}

function header(kind: number, number: number): Buffer {
  return Buffer.from([FIRST_BYTE, kind, number >>> 8, number & 0xff]);
}
