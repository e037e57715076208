import type { VideoConfig } from '../access-unit.ts';
import { BitReader, BitsExhausted, unescapeRbsp } from '../bit-reader.ts';
import { h264Config } from './avcc.ts';
import { NAL, nalType } from './nal.ts';
import { parseSps } from './sps.ts';

const MAX_SETS = 8;
const MAX_SET_BYTES = 1024;

/** The parameter sets of a stream as they come in band. Holds a few small ones: what an encoder sends fits, a flood does not. */
export class ParameterSets {
  readonly #sps = new Map<number, Uint8Array>();
  readonly #pps = new Map<number, Uint8Array>();
  #changed = false;
  #config: VideoConfig | null = null;

  /** Takes a NAL unit of type 7 or 8 (a copy of it); false when it makes no sense or is one too many. */
  add(nal: Uint8Array): boolean {
    const isSps = nalType(nal) === NAL.sps;
    const id = isSps ? parseSps(nal)?.id : ppsId(nal);
    const sets = isSps ? this.#sps : this.#pps;
    if (id === undefined || nal.length > MAX_SET_BYTES) return false;
    const known = sets.get(id);
    if (known && sameBytes(known, nal)) return true;
    if (!known && sets.size >= MAX_SETS) return false;
    sets.set(id, nal.slice());
    this.#changed = true;
    return true;
  }

  /** The same object until a set changes; null before there are both kinds. */
  get config(): VideoConfig | null {
    if (this.#changed) {
      this.#changed = false;
      const next = h264Config([...this.#sps.values()], [...this.#pps.values()]);
      if (next && !(this.#config && sameBytes(this.#config.description, next.description))) this.#config = next;
    }
    return this.#config;
  }
}

function ppsId(nal: Uint8Array): number | undefined {
  try {
    const id = new BitReader(unescapeRbsp(nal.subarray(1), 8)).ue();
    return id <= 255 ? id : undefined;
  } catch (error) {
    if (error instanceof BitsExhausted) return undefined;
    throw error;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
