import { utcMs, type GopGap, type UtcMs } from '../../electron/contract/model.ts';
import type { DecoderFactory, Picture } from './decoder.ts';
import { isGap, pictureAfter, pictureAt, type GopCache, type LoadedGop } from './gop-cache.ts';
import type { PlaybackReport } from './playback-messages.ts';
import { Runner } from './runner.ts';
import { Seeker } from './seeker.ts';

/** From this speed on only keyframes are shown. */
export const KEYFRAMES_ONLY_FROM = 8;
/** So close to the newest recording a seek means it: footage becomes playable about a second after it happened. */
const NEAR_PRESENT_MS = 5000;
/** Shorter gaps are jumped over without a word. */
const WORTH_SAYING_MS = 1000;

export interface ControllerOptions<P extends Picture> {
  readonly cache: GopCache;
  readonly createDecoder: DecoderFactory<P>;
  /** Takes the picture over, and closes it. Resolves when it is on the screen. */
  paint(picture: P): Promise<void>;
  report(report: PlaybackReport): void;
  now(): number;
}

type Towards = 'later' | 'earlier';

/** One camera's playback: commands in, pictures and reports out. Only the newest generation paints. */
export class PlaybackController<P extends Picture> {
  readonly #options: ControllerOptions<P>;
  readonly #seeker: Seeker<P>;
  readonly #runner: Runner<P>;
  #generation = 0;
  /** The picture shown, or about to be. */
  #cursor: UtcMs | undefined;

  constructor(options: ControllerOptions<P>) {
    this.#options = options;
    this.#seeker = new Seeker(options.createDecoder);
    const { cache, createDecoder } = options;
    this.#runner = new Runner({
      cache,
      createDecoder,
      now: () => options.now(),
      paint: (picture, at) => {
        this.#cursor = at;
        void this.#paint(picture, at, this.#generation, true);
      },
      events: {
        gap: (gap) => this.#tellGap(gap, gap.next, this.#generation),
        present: () => options.report({ playback: 'present', generation: this.#generation }),
        slow: () => options.report({ playback: 'mode', generation: this.#generation, keyframesOnly: true }),
        failed: (text) => options.report({ playback: 'failed', generation: this.#generation, text }),
      },
    });
  }

  get playing(): boolean {
    return this.#runner.playing;
  }

  seek(generation: number, at: UtcMs, scrub: boolean): Promise<void> {
    this.#take(generation);
    return this.#guard(generation, () => this.#show(generation, at, scrub, 'later'));
  }

  step(generation: number, frames: number): Promise<void> {
    this.#take(generation);
    return this.#guard(generation, async () => {
      const target = await this.#neighbour(frames);
      if (generation === this.#generation && target !== undefined)
        await this.#show(generation, target, false, frames > 0 ? 'later' : 'earlier');
    });
  }

  /** From the picture shown; a change of speed while playing goes on without a break where it can. */
  play(generation: number, rate: number): void {
    const keyframesOnly = rate >= KEYFRAMES_ONLY_FROM;
    if (this.#runner.playing && this.#runner.keyframesOnly === keyframesOnly) {
      this.#generation = generation;
      this.#runner.setRate(rate);
    } else {
      this.#take(generation);
      if (this.#cursor === undefined) return;
      this.#runner.start(this.#cursor, rate, keyframesOnly);
    }
    this.#options.report({ playback: 'mode', generation, keyframesOnly });
  }

  pause(generation: number): void {
    this.#take(generation);
  }

  tick(): void {
    this.#runner.tick();
  }

  close(): void {
    this.#generation = Number.POSITIVE_INFINITY;
    this.#runner.close();
    this.#seeker.close();
  }

  /** What an older command is still doing ends here. */
  #take(generation: number): void {
    this.#generation = generation;
    this.#runner.stop();
    this.#seeker.cancel();
  }

  async #show(generation: number, at: UtcMs, scrub: boolean, towards: Towards): Promise<void> {
    const stale = () => generation !== this.#generation;
    const found = await this.#find(generation, at, towards);
    if (!found || stale()) return;
    const { loaded, target } = found;
    this.#cursor = target;
    const first = pictureAt(loaded.gop, utcMs(Number.NEGATIVE_INFINITY));
    if (scrub && first !== target) {
      const key = await this.#seeker.picture(loaded, first);
      if (key) await this.#paint(key, first, generation, false);
      if (stale()) return;
    }
    const picture = await this.#seeker.picture(loaded, target);
    if (picture) await this.#paint(picture, target, generation, true);
    else if (!stale())
      this.#options.report({ playback: 'failed', generation, text: 'This part of the recording is damaged and cannot be shown.' });
  }

  /** The picture for `at`: the one there, or across a gap the nearest in the given direction, else in the other. */
  async #find(generation: number, at: UtcMs, towards: Towards): Promise<{ loaded: LoadedGop; target: UtcMs } | undefined> {
    const footage = await this.#options.cache.at(at);
    if (!isGap(footage)) return { loaded: footage, target: pictureAt(footage.gop, at) };
    const { previous, next } = footage;
    const wanted = towards === 'later' ? (next ?? previous) : (previous ?? next);
    if (generation !== this.#generation) return undefined;
    const atPresent = next === null && previous !== null && at - previous <= NEAR_PRESENT_MS;
    if (!atPresent) this.#tellGap(footage, wanted, generation);
    if (wanted === null) return undefined;
    // The end of a recording may be given as the first moment after it.
    for (const time of [wanted, utcMs(wanted - 1)]) {
      const there = await this.#options.cache.at(time);
      if (!isGap(there)) return { loaded: there, target: pictureAt(there.gop, time) };
    }
    return undefined;
  }

  /** Where `frames` pictures from the one shown lead: a picture's time, or a moment just outside the recording there. */
  async #neighbour(frames: number): Promise<UtcMs | undefined> {
    let at = this.#cursor;
    for (let left = Math.abs(frames); left > 0 && at !== undefined; left--) {
      const footage = await this.#options.cache.at(at);
      if (isGap(footage)) return at;
      const { gop } = footage;
      if (frames > 0) at = pictureAfter(gop, at) ?? gop.to;
      else {
        const before = pictureAt(gop, utcMs(at - 1));
        at = before < at ? before : utcMs(gop.from - 1);
      }
      const there = await this.#options.cache.at(at);
      if (isGap(there)) return at;
      at = pictureAt(there.gop, at);
    }
    return at;
  }

  async #paint(picture: P, at: UtcMs, generation: number, exact: boolean): Promise<void> {
    if (generation !== this.#generation) {
      picture.close();
      return;
    }
    await this.#options.paint(picture);
    // It is on the screen, also if something newer was asked for meanwhile: what is said must be true.
    this.#options.report({ playback: 'painted', generation, at, exact });
  }

  #tellGap(gap: GopGap, jumpedTo: UtcMs | null, generation: number): void {
    if (jumpedTo !== null && gap.to - gap.from < WORTH_SAYING_MS) return;
    const { from, to, reason, text } = gap;
    this.#options.report({ playback: 'gap', generation, from, to, reason, text, jumpedTo });
  }

  async #guard(generation: number, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#options.report({ playback: 'failed', generation, text: error instanceof Error ? error.message : String(error) });
    }
  }
}
