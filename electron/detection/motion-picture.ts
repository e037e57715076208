import { BLOCKS, blockMeans, largestRegion, localMeans } from './blocks.ts';

/** What one picture shows against those before it. */
export interface Look {
  readonly moving: boolean;
  /** Share of the picture that the largest moving thing takes, 0..1. */
  readonly area: number;
}

const STILL: Look = { moving: false, area: 0 };

/** Added before logarithms: the dark is all noise. */
const DARK = 16;
/** Light changes smoothly from block to block: it is the mean over so many to each side, first of all, then nearer by of those that are no outliers. */
const LIGHT_REACH = 4;
const NEAR_REACH = 2;
/** Logarithm of brightness that a block may differ from its surroundings and still say how the light is. */
const LIGHT_OUTLIER = 0.12;
/** More of the picture does not move at once: it is the light, or another view. It is learned anew. */
const LIGHT_SHARE = 0.5;
/** How fast the background follows: what is as it was, and what has changed (a parked car is background within the minute). Milliseconds. */
const FOLLOW_MS = 3_000;
const ABSORB_MS = 20_000;
/** How fast the noise of a block is learned, and that of one that keeps changing (leaves, water). */
const NOISE_MS = 8_000;
const RESTLESS_MS = 30_000;
/** Deviations of a block's noise that are still noise. */
const NOISE_FACTOR = 4;
const FIRST_NOISE = 1;
const MAX_NOISE = 12;
/** Pictures that only teach. */
const LEARNED_FROM = 2;

/**
 * Looks for things that move in small gray pictures of a camera that stands still: blocks that differ from the background by more than their
 * own noise, whatever the light does. Light is a smooth factor over the picture (a lamp, a cloud, the camera's own exposure): it is divided
 * out before blocks are compared. Pure: times are given with the pictures.
 */
export class MotionPicture {
  readonly #background = new Float32Array(BLOCKS);
  readonly #noise = new Float32Array(BLOCKS).fill(FIRST_NOISE);
  readonly #means = new Float32Array(BLOCKS);
  readonly #change = new Float32Array(BLOCKS);
  readonly #light = new Float32Array(BLOCKS);
  readonly #rest = new Float32Array(BLOCKS);
  readonly #near = new Float32Array(BLOCKS);
  readonly #weights = new Float32Array(BLOCKS);
  readonly #marked = new Uint8Array(BLOCKS);
  #seen = 0;
  #last = 0;

  /**
   * @param pixels of PICTURE
   * @param at media time, milliseconds
   * @param sensitivity 1..100
   */
  look(pixels: Uint8Array, at: number, sensitivity: number): Look {
    blockMeans(pixels, this.#means);
    const passed = Math.min(Math.max(at - this.#last, 0), 5_000);
    this.#last = at;
    this.#seen += 1;
    if (this.#seen === 1) {
      this.#background.set(this.#means);
      return STILL;
    }
    this.#findLight();
    const changed = this.#mark(contrastOf(sensitivity));
    if (changed > BLOCKS * LIGHT_SHARE) {
      this.#background.set(this.#means);
      return STILL;
    }
    const region = largestRegion(this.#marked);
    this.#learn(passed);
    if (this.#seen <= LEARNED_FROM || region < blocksOf(sensitivity)) return { moving: false, area: region / BLOCKS };
    return { moving: true, area: region / BLOCKS };
  }

  /** The smooth part of the change. What differs much from its surroundings moves: it does not count as light. */
  #findLight(): void {
    for (let block = 0; block < BLOCKS; block += 1)
      this.#change[block] = Math.log(((this.#means[block] ?? 0) + DARK) / ((this.#background[block] ?? 0) + DARK));
    this.#weights.fill(1);
    localMeans(this.#change, this.#weights, LIGHT_REACH, this.#light);
    for (const reach of [LIGHT_REACH, NEAR_REACH]) {
      for (let block = 0; block < BLOCKS; block += 1) {
        this.#rest[block] = (this.#change[block] ?? 0) - (this.#light[block] ?? 0);
        this.#weights[block] = Math.abs(this.#rest[block] ?? 0) < LIGHT_OUTLIER ? 1 : 0;
      }
      localMeans(this.#rest, this.#weights, reach, this.#near);
      for (let block = 0; block < BLOCKS; block += 1) this.#light[block] = (this.#light[block] ?? 0) + (this.#near[block] ?? 0);
    }
  }

  /** Marks blocks that differ by more than `contrast` and their noise; returns how many. `#change` then holds the differences. */
  #mark(contrast: number): number {
    let marked = 0;
    for (let block = 0; block < BLOCKS; block += 1) {
      const lit = ((this.#background[block] ?? 0) + DARK) * Math.exp(this.#light[block] ?? 0) - DARK;
      const difference = Math.abs((this.#means[block] ?? 0) - lit);
      this.#change[block] = difference;
      const mark = difference > contrast + NOISE_FACTOR * (this.#noise[block] ?? 0) ? 1 : 0;
      this.#marked[block] = mark;
      marked += mark;
    }
    return marked;
  }

  #learn(passed: number): void {
    for (let block = 0; block < BLOCKS; block += 1) {
      const moved = this.#marked[block] === 1;
      const follow = 1 - Math.exp(-passed / (moved ? ABSORB_MS : FOLLOW_MS));
      const background = this.#background[block] ?? 0;
      this.#background[block] = background + follow * ((this.#means[block] ?? 0) - background);
      const learn = 1 - Math.exp(-passed / (moved ? RESTLESS_MS : NOISE_MS));
      const noise = this.#noise[block] ?? 0;
      this.#noise[block] = Math.min(MAX_NOISE, noise + learn * ((this.#change[block] ?? 0) - noise));
    }
  }
}

/** Difference in brightness (0..255) that counts, beyond noise: 24 for the least sensitive, 3 for the most. */
const contrastOf = (sensitivity: number): number => 24 * (3 / 24) ** ((sensitivity - 1) / 99);
/** Blocks that a thing takes at least: 16 for the least sensitive, 2 for the most. */
const blocksOf = (sensitivity: number): number => Math.round(16 * (2 / 16) ** ((sensitivity - 1) / 99));
