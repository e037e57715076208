import type { CameraId, Gop, GopGap, UtcMs } from '../../electron/contract/model.ts';

export interface LoadedGop {
  readonly gop: Gop;
  readonly bytes: Uint8Array;
}

export type Footage = LoadedGop | GopGap;

export const isGap = (footage: Footage): footage is GopGap => 'kind' in footage;

/** Asks the engine. Rejects with a CodedError. */
export type FetchGop = (camera: CameraId, at: UtcMs) => Promise<Footage>;

/** Encoded groups kept, in bytes: about a minute of a 1080p camera. */
export const CACHE_BYTES = 32 * 1024 * 1024;

/** The groups of one camera lately used, found by any time within them. Least recently used go first; gaps are never kept, since they fill. */
export class GopCache {
  readonly #fetch: FetchGop;
  readonly #camera: CameraId;
  readonly #limit: number;
  /** By start; in order of last use. */
  readonly #groups = new Map<UtcMs, LoadedGop>();
  /** Asked for and not answered yet, by the time asked: a prefetch and the need for it share one call. */
  readonly #asked = new Map<UtcMs, Promise<Footage>>();
  #bytes = 0;

  constructor(fetch: FetchGop, camera: CameraId, limit = CACHE_BYTES) {
    this.#fetch = fetch;
    this.#camera = camera;
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async at(time: UtcMs): Promise<Footage> {
    for (const loaded of this.#groups.values()) {
      if (loaded.gop.from <= time && time < loaded.gop.to) {
        this.#groups.delete(loaded.gop.from);
        this.#groups.set(loaded.gop.from, loaded);
        return loaded;
      }
    }
    const asked = this.#asked.get(time);
    if (asked) return asked;
    const asking = this.#fetch(this.#camera, time).finally(() => this.#asked.delete(time));
    this.#asked.set(time, asking);
    const footage = await asking;
    if (!isGap(footage)) this.#keep(footage);
    return footage;
  }

  /** Has it at hand soon. Failures show when it is needed. */
  prefetch(time: UtcMs): void {
    this.at(time).catch(() => {});
  }

  #keep(loaded: LoadedGop): void {
    const { from } = loaded.gop;
    // The newest group grows while it is recorded: the longer one replaces the shorter.
    this.#drop(from);
    this.#groups.set(from, loaded);
    this.#bytes += loaded.bytes.length;
    for (const key of this.#groups.keys()) {
      if (this.#bytes <= this.#limit || key === from) break;
      this.#drop(key);
    }
  }

  #drop(from: UtcMs): void {
    const loaded = this.#groups.get(from);
    if (!loaded) return;
    this.#groups.delete(from);
    this.#bytes -= loaded.bytes.length;
  }
}

/** The data of frame `index`, in decoding order. */
export function frameData({ gop, bytes }: LoadedGop, index: number): Uint8Array {
  let offset = 0;
  for (let i = 0; i < index; i++) offset += gop.frames[i]?.bytes ?? 0;
  return bytes.subarray(offset, offset + (gop.frames[index]?.bytes ?? 0));
}

/** Time of the last picture at or before `target`; of the first when all are later. */
export function pictureAt(gop: Gop, target: UtcMs): UtcMs {
  let best: UtcMs | undefined;
  let first: UtcMs | undefined;
  for (const { at } of gop.frames) {
    if (at <= target && (best === undefined || at > best)) best = at;
    if (first === undefined || at < first) first = at;
  }
  return best ?? first ?? gop.from;
}

/** Time of the first picture after `time` in this group. */
export function pictureAfter(gop: Gop, time: UtcMs): UtcMs | undefined {
  let next: UtcMs | undefined;
  for (const { at } of gop.frames) if (at > time && (next === undefined || at < next)) next = at;
  return next;
}
