import type { CameraId, Gap, Recordings, Span, UtcMs } from '../../electron/contract/model.ts';
import { utcMs } from '../../electron/contract/model.ts';
import type { EngineLink } from '../api/engine-link.ts';
import type { Cameras } from './cameras.svelte.ts';
import { addSpan } from './spans.ts';

/** Between a change of the range shown and the question: a moving hand asks eight times a second at most. */
const PACE_MS = 120;
/** Reasons of gaps and what was deleted are asked anew now and then; new footage is told at once. */
const REFRESH_MS = 10_000;
/** How much more than the visible range is asked for, on each side, as a share of it. */
const MARGIN = 0.5;
/** How far recordings are looked for. */
const SEARCH_MS = 366 * 86_400_000;
const JUST_STARTED_MS = 2000;
/** Of what is asked for, which is twice the visible range: a mark is a few pixels wide. */
const EVENT_SLICES = 800;
const NOTHING: Recordings = { spans: [], gaps: [], healed: [], coverage: 0 };

/** What is recorded of one camera around the range being looked at. */
export class Coverage {
  readonly #link: EngineLink;
  readonly #camera: CameraId;
  readonly #stops: (() => void)[];
  #recordings = $state.raw<Recordings>(NOTHING);
  #events = $state.raw<(Span & { readonly counts: readonly number[] }) | null>(null);
  #loaded = $state(false);
  #error = $state.raw<string | null>(null);
  /** The range `recordings` speaks of. */
  #known: Span | undefined;
  #wanted: Span | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  constructor(link: EngineLink, cameras: Cameras, camera: CameraId) {
    this.#link = link;
    this.#camera = camera;
    const refresh = setInterval(() => this.refresh(), REFRESH_MS);
    this.#stops = [
      () => clearInterval(refresh),
      link.onClient(() => this.refresh()),
      cameras.onRecordingAdded((added) => {
        if (added.camera === camera) this.#recordings = addSpan(this.#recordings, added);
      }),
      cameras.onRecordingRemoved((removed) => {
        if (removed.camera === camera) this.refresh();
      }),
    ];
  }

  get recordings(): Recordings {
    return this.#recordings;
  }

  /** How many events there are in slices of the range around the visible one; null where that is not known. */
  get events(): (Span & { readonly counts: readonly number[] }) | null {
    return this.#events;
  }

  /** False until the engine has answered once. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Why the last question was not answered; null when it was. */
  get error(): string | null {
    return this.#error;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#asked = Number.POSITIVE_INFINITY;
    for (const stop of this.#stops) stop();
  }

  /** The range on the screen; what is known around it stays until the answer is there. */
  show(range: Span): void {
    const known = this.#known;
    const length = range.to - range.from;
    // Zoomed far in, an answer about a far wider range would be kept for ever; it is exact all the same.
    if (known && range.from >= known.from && range.to <= known.to) return;
    this.#wanted = {
      from: utcMs(Math.floor(range.from - length * MARGIN)),
      to: utcMs(Math.ceil(range.to + length * MARGIN)),
    };
    this.#later();
  }

  refresh(): void {
    this.#wanted ??= this.#known;
    if (this.#wanted) this.#later();
  }

  /** The gap at a time, when the time is not recorded and the reason is known. */
  gapAt(at: UtcMs): Gap | undefined {
    return this.#recordings.gaps.find((gap) => gap.from <= at && at < gap.to);
  }

  /** Start of the next recording after `at`, or of the previous one before it, wherever that is. */
  async neighbour(at: UtcMs, towards: 'next' | 'previous'): Promise<UtcMs | undefined> {
    const moment = utcMs(Math.round(at));
    if (towards === 'next') return (await this.#spans(moment, utcMs(moment + SEARCH_MS))).find((span) => span.from > at)?.from;
    const spans = await this.#spans(utcMs(Math.max(0, moment - SEARCH_MS)), moment);
    // Within a recording its own start comes first, as in a music player.
    return spans.findLast((span) => span.from < at - JUST_STARTED_MS)?.from;
  }

  /** The oldest recorded moment. */
  async oldest(): Promise<UtcMs | undefined> {
    const now = Date.now();
    return (await this.#spans(utcMs(now - SEARCH_MS), utcMs(now)))[0]?.from;
  }

  async #spans(from: UtcMs, to: UtcMs): Promise<readonly Span[]> {
    return (await this.#link.call('recordings.query', { camera: this.#camera, from, to })).spans;
  }

  async #askEvents(range: Span, asked: number): Promise<void> {
    const answer = await this.#link
      .call('timeline.query', { cameras: [this.#camera], from: range.from, to: range.to, buckets: EVENT_SLICES })
      // Without its marks the timeline is true all the same.
      .catch(() => null);
    const [row] = answer ?? [];
    if (asked === this.#asked) this.#events = row ? { from: range.from, to: range.to, counts: row.events } : null;
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#ask();
    }, PACE_MS);
  }

  async #ask(): Promise<void> {
    const range = this.#wanted;
    if (!range) return;
    const asked = ++this.#asked;
    try {
      const recordings = await this.#link.call('recordings.query', { camera: this.#camera, from: range.from, to: range.to });
      if (asked !== this.#asked) return;
      this.#recordings = recordings;
      this.#loaded = true;
      this.#known = range;
      // What was wanted meanwhile is asked for yet.
      if (this.#wanted === range) this.#wanted = undefined;
      this.#error = null;
      await this.#askEvents(range, asked);
    } catch (error) {
      if (asked === this.#asked) this.#error = error instanceof Error ? error.message : String(error);
    }
  }
}
