import { nalType } from '../h264/nal.ts';
import { concat } from '../concat.ts';

const STAP_A = 24;
const FU_A = 28;
const MAX_NAL_BYTES = 8 * 1024 * 1024;

/** Takes NAL units out of RTP payloads (RFC 6184 §5.6 to §5.8), in order and without holes; `reset` says that there was one. */
export class NalAssembler {
  /** Pieces of a unit that comes in FU-As. */
  #pieces: Uint8Array[] | null = null;
  #bytes = 0;

  /** True while a unit has begun and not ended. */
  get open(): boolean {
    return this.#pieces !== null;
  }

  /** Forgets the unit that has begun. */
  reset(): void {
    this.#pieces = null;
    this.#bytes = 0;
  }

  /** The units completed by this payload; null when it makes no sense or leaves a unit before it unfinished. */
  push(payload: Uint8Array): Uint8Array[] | null {
    const type = nalType(payload);
    if (type === FU_A) return this.#fragment(payload);
    const cutOff = this.open;
    this.reset();
    if (cutOff) return null;
    if (type >= 1 && type <= 23) return [payload];
    return type === STAP_A ? splitAggregate(payload) : null;
  }

  #fragment(payload: Uint8Array): Uint8Array[] | null {
    const [indicator, header] = payload;
    if (indicator === undefined || header === undefined || payload.length < 3) return this.#fail();
    const starts = (header & 0x80) !== 0;
    const ends = (header & 0x40) !== 0;
    if (starts === this.open || (starts && ends)) return this.#fail();
    if (starts) this.#pieces = [Uint8Array.of((indicator & 0xe0) | (header & 0x1f))];
    this.#bytes += payload.length;
    if (!this.#pieces || this.#bytes > MAX_NAL_BYTES) return this.#fail();
    this.#pieces.push(payload.subarray(2));
    if (!ends) return [];
    const nal = concat(this.#pieces);
    this.reset();
    return [nal];
  }

  #fail(): null {
    this.reset();
    return null;
  }
}

/** Whether a picture may begin with this payload: nothing of the same picture comes before it in the stream, parameter sets apart. */
export function beginsPicture(payload: Uint8Array): boolean {
  const [first, second] = payload;
  if (first === undefined || second === undefined) return false;
  let type = first & 0x1f;
  let sliceByte: number | undefined = second;
  if (type === STAP_A) {
    const [nal] = splitAggregate(payload) ?? [];
    type = (nal?.[0] ?? 0) & 0x1f;
    sliceByte = nal?.[1];
  } else if (type === FU_A) {
    if ((second & 0x80) === 0) return false;
    type = second & 0x1f;
    sliceByte = payload[2];
  }
  if (type >= 6 && type <= 9) return true;
  // first_mb_in_slice is the first ue(v) of a slice: its first bit is 1 when it is 0.
  return (type === 1 || type === 5) && ((sliceByte ?? 0) & 0x80) !== 0;
}

function splitAggregate(payload: Uint8Array): Uint8Array[] | null {
  const nals: Uint8Array[] = [];
  let offset = 1;
  while (offset < payload.length) {
    const length = (payload[offset] ?? 0) * 256 + (payload[offset + 1] ?? 0);
    offset += 2;
    if (length === 0 || offset + length > payload.length) return null;
    nals.push(payload.subarray(offset, offset + length));
    offset += length;
  }
  return nals.length > 0 ? nals : null;
}
