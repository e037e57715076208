import { utcMs, type DecoderConfig, type Gop, type GopGap, type UtcMs } from '../../electron/contract/model.ts';
import { toTimestamp, type DecoderFactory, type Picture, type PictureDecoder } from './decoder.ts';
import { frameData, isGap, pictureAt, type Footage, type GopCache, type LoadedGop } from './gop-cache.ts';
import { PlayClock } from './play-clock.ts';
import { pictureTime } from './seeker.ts';

/** Decoded pictures held ahead; each is a whole uncompressed image. */
const AHEAD = 6;
/** Chunks given to the decoder ahead of its taking them. */
const FEED = 4;
/** Waiting for the decoder this long within the window means it cannot keep up with the speed. */
const SLOW_MS = 1200;
const SLOW_WINDOW_MS = 4000;
/** Segments may follow each other with a hole too small to be a gap; within it the engine still gives the group before it. */
const PROBES_MS = [0, 300, 1200] as const;
/** Broken groups in a row before giving up. */
const MAX_BROKEN = 5;

export interface RunnerEvents {
  /** Nothing is recorded here; playing goes on behind the gap. */
  gap(gap: GopGap): void;
  /** Nothing more is recorded up to now. */
  present(): void;
  /** The decoder does not keep up with the speed. */
  slow(): void;
  failed(text: string): void;
}

export interface RunnerOptions<P extends Picture> {
  readonly cache: GopCache;
  readonly createDecoder: DecoderFactory<P>;
  readonly events: RunnerEvents;
  /** Takes the picture over, and closes it. */
  paint(picture: P, at: UtcMs): void;
  /** Monotonic milliseconds. */
  now(): number;
}

/**
 * Plays on from a time: groups follow each other without a flush, so that a change of segment is not seen. Time waits
 * when pictures are late, and jumps over gaps. `tick` is called about each display frame.
 */
export class Runner<P extends Picture> {
  readonly #options: RunnerOptions<P>;
  #decoder: PictureDecoder | undefined;
  #clock: PlayClock | undefined;
  /** Decoded, in the order of presentation, not painted yet. */
  #queue: P[] = [];
  #cursor: { loaded: LoadedGop; index: number } | undefined;
  /** What ends the footage: a gap, or null where nothing is known behind it. */
  #end: { gap: GopGap | null; at: UtcMs } | undefined;
  #loading = false;
  #run = 0;
  #discardBefore = 0;
  #keyframesOnly = false;
  #waited = { since: 0, ms: 0, tick: 0 };
  #broken = 0;

  constructor(options: RunnerOptions<P>) {
    this.#options = options;
  }

  get playing(): boolean {
    return this.#clock !== undefined;
  }

  get keyframesOnly(): boolean {
    return this.#keyframesOnly;
  }

  start(position: UtcMs, rate: number, keyframesOnly: boolean): void {
    const now = this.#options.now();
    this.#keyframesOnly = keyframesOnly;
    this.#clock = new PlayClock(position, rate, now);
    this.#waited = { since: now, ms: 0, tick: now };
    this.#broken = 0;
    void this.#begin(position);
  }

  setRate(rate: number): void {
    this.#clock?.setRate(rate, this.#options.now());
  }

  stop(): void {
    this.#run += 1;
    this.#clock = undefined;
    this.#clear();
  }

  close(): void {
    this.stop();
    this.#decoder?.close();
    this.#decoder = undefined;
  }

  tick(): void {
    const clock = this.#clock;
    if (!clock) return;
    const now = this.#options.now();
    const position = clock.at(now);
    let due: P | undefined;
    while (this.#queue[0] && pictureTime(this.#queue[0]) <= position) {
      due?.close();
      due = this.#queue.shift();
    }
    if (due) {
      this.#broken = 0;
      this.#options.paint(due, pictureTime(due));
    } else if (this.#queue.length === 0) this.#nothingDue(clock, position, now);
    this.#waited.tick = now;
    if (this.#clock) this.#pump();
  }

  #nothingDue(clock: PlayClock, position: UtcMs, now: number): void {
    if (!this.#end) {
      this.#wait(clock, now);
      return;
    }
    if (position < this.#end.at) return;
    const { gap } = this.#end;
    if (gap?.next !== undefined && gap.next !== null && gap.next > this.#end.at) {
      this.#options.events.gap(gap);
      clock.set(gap.next, now);
      void this.#begin(gap.next);
    } else {
      this.stop();
      this.#options.events.present();
    }
  }

  /** Time stands still for the tick that found no picture. */
  #wait(clock: PlayClock, now: number): void {
    const missed = now - this.#waited.tick;
    clock.set(clock.at(this.#waited.tick), now);
    if (now - this.#waited.since > SLOW_WINDOW_MS) this.#waited = { since: now, ms: 0, tick: now };
    if (this.#loading || this.#keyframesOnly) return;
    this.#waited.ms += missed;
    if (this.#waited.ms < SLOW_MS) return;
    this.#keyframesOnly = true;
    this.#options.events.slow();
    void this.#begin(clock.at(now));
  }

  async #begin(position: UtcMs): Promise<void> {
    this.#clear();
    const run = ++this.#run;
    const footage = await this.#load(position, run);
    if (!footage) return;
    if (isGap(footage)) {
      this.#end = { gap: footage, at: position };
      return;
    }
    this.#discardBefore = this.#keyframesOnly ? 0 : pictureAt(footage.gop, position);
    if (!this.#configure(footage.gop.config)) return;
    this.#cursor = { loaded: footage, index: 0 };
    this.#options.cache.prefetch(footage.gop.to);
    this.#pump();
  }

  #pump(): void {
    const cursor = this.#cursor;
    const decoder = this.#decoder;
    if (!cursor || !decoder || this.#loading || this.#end) return;
    while (this.#queue.length < AHEAD && decoder.queueSize < FEED) {
      const frame = cursor.loaded.gop.frames[cursor.index];
      if (!frame || (this.#keyframesOnly && cursor.index > 0)) {
        void this.#next(cursor.loaded);
        return;
      }
      try {
        decoder.decode({ timestamp: toTimestamp(frame.at), key: frame.key, data: frameData(cursor.loaded, cursor.index) });
      } catch {
        this.#skipBroken();
        return;
      }
      cursor.index += 1;
    }
  }

  async #next({ gop }: LoadedGop): Promise<void> {
    const run = this.#run;
    const following = await this.#following(gop, run);
    if (following === undefined || !this.#cursor) return;
    if (following === null || isGap(following)) return this.#finish(following, gop.to, run);
    const next = following.gop;
    // The group being recorded has grown: on with what is new of it.
    if (next.from === gop.from) this.#cursor = { loaded: following, index: this.#cursor.index };
    else {
      if (!sameConfig(next.config, gop.config)) {
        await this.#flush(run);
        if (run !== this.#run || !this.#configure(next.config)) return;
      }
      this.#cursor = { loaded: following, index: 0 };
      this.#options.cache.prefetch(next.to);
    }
    this.#pump();
  }

  /** What comes after the group: null when nothing does, undefined when it is too late to know. */
  async #following(gop: Gop, run: number): Promise<Footage | null | undefined> {
    for (const probe of PROBES_MS) {
      const footage = await this.#load(utcMs(gop.to + probe), run);
      if (!footage || isGap(footage)) return footage;
      const { from, to } = footage.gop;
      if (from > gop.from || (from === gop.from && to > gop.to)) return footage;
    }
    return null;
  }

  /** No more to feed: the decoder gives out what it still holds. */
  async #finish(gap: GopGap | null, at: UtcMs, run: number): Promise<void> {
    this.#cursor = undefined;
    await this.#flush(run);
    if (run === this.#run) this.#end = { gap, at };
  }

  async #flush(run: number): Promise<void> {
    this.#loading = true;
    await this.#decoder?.flush().catch(() => {});
    if (run === this.#run) this.#loading = false;
  }

  async #load(at: UtcMs, run: number) {
    this.#loading = true;
    try {
      const footage = await this.#options.cache.at(at);
      return run === this.#run ? footage : undefined;
    } catch (error) {
      if (run === this.#run) this.#fail(error instanceof Error ? error.message : String(error));
      return undefined;
    } finally {
      if (run === this.#run) this.#loading = false;
    }
  }

  #configure(config: DecoderConfig): boolean {
    if (!this.#decoder?.usable) this.#decoder = this.#create();
    try {
      this.#decoder.reset();
      this.#decoder.configure(config, false);
      return true;
    } catch {
      this.#fail('This recording cannot be decoded here.');
      return false;
    }
  }

  #create(): PictureDecoder {
    const decoder = this.#options.createDecoder({
      output: (picture) => {
        if (decoder !== this.#decoder || !this.#clock || pictureTime(picture) < this.#discardBefore) picture.close();
        else this.#queue.push(picture);
      },
      error: () => {
        if (decoder === this.#decoder && this.#clock) this.#skipBroken();
      },
    });
    return decoder;
  }

  /** Goes on with the next group. */
  #skipBroken(): void {
    const cursor = this.#cursor;
    this.#broken += 1;
    if (!cursor || this.#broken > MAX_BROKEN) {
      this.#fail('This part of the recording is damaged and cannot be shown.');
      return;
    }
    const { to } = cursor.loaded.gop;
    this.#clock?.set(to, this.#options.now());
    void this.#begin(to);
  }

  #fail(text: string): void {
    this.stop();
    this.#options.events.failed(text);
  }

  #clear(): void {
    for (const picture of this.#queue) picture.close();
    this.#queue = [];
    this.#cursor = undefined;
    this.#end = undefined;
    this.#loading = false;
    // What the decoder still gives out belongs to the past.
    if (this.#decoder?.usable) this.#decoder.reset();
  }
}

function sameConfig(a: DecoderConfig, b: DecoderConfig): boolean {
  return a.codecString === b.codecString && a.description === b.description;
}
