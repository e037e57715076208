import type { Clock } from '../base/clock.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraId, GapReason, Span } from '../contract/model.ts';
import type { Playback } from '../playback/playback.ts';

/** The last seconds may still change their mind: they are counted when they are this old, milliseconds. */
const SETTLED_MS = 60_000;
/** How far before the start of this process its absence is looked for, milliseconds. */
const ABSENCE_MS = 31 * 86_400_000;
const DAY_MS = 86_400_000;
/** Time in which nothing was meant to be recorded. */
const NOT_OWED: ReadonlySet<GapReason> = new Set<GapReason>(['schedule', 'no-event']);

export interface CoverageFigure {
  readonly camera: CameraId;
  /** Of the last 24 hours, as far as they should be recorded; null where they should not at all. */
  readonly ratio: number | null;
  /** Since the process was started, what was missing before because it did not run included; seconds by reason. */
  readonly missing: readonly { readonly reason: GapReason; readonly seconds: number }[];
}

interface Tally {
  upTo: UtcMs;
  readonly missing: Map<GapReason, number>;
}

/** What the metrics say of the ledger: every second is counted once, when it is settled. */
export class CoverageFigures {
  readonly #playback: Pick<Playback, 'tile'>;
  readonly #clock: Clock;
  readonly #started: UtcMs;
  readonly #tallies = new Map<CameraId, Tally>();
  #work: Promise<void> = Promise.resolve();

  constructor(playback: Pick<Playback, 'tile'>, clock: Clock) {
    this.#playback = playback;
    this.#clock = clock;
    this.#started = utcMs(Math.round(clock.now()));
  }

  /** One scrape after another, and one question at a time: nobody is in a hurry. */
  of(cameras: readonly CameraId[]): Promise<CoverageFigure[]> {
    const figures = this.#work.then(() => this.#all(cameras));
    this.#work = figures.then(
      () => {},
      () => {},
    );
    return figures;
  }

  async #all(cameras: readonly CameraId[]): Promise<CoverageFigure[]> {
    for (const id of this.#tallies.keys()) if (!cameras.includes(id)) this.#tallies.delete(id);
    const figures: CoverageFigure[] = [];
    for (const camera of cameras) figures.push(await this.#of(camera));
    return figures;
  }

  async #of(camera: CameraId): Promise<CoverageFigure> {
    const now = Math.round(this.#clock.now());
    const tally = await this.#tally(camera);
    const settled = utcMs(now - SETTLED_MS);
    if (settled > tally.upTo) {
      await this.#count(camera, { from: tally.upTo, to: settled }, tally);
      tally.upTo = settled;
    }
    const missing = [...tally.missing].map(([reason, ms]) => ({ reason, seconds: ms / 1000 }));
    return { camera, missing, ratio: await this.#ratio(camera, { from: utcMs(now - DAY_MS), to: utcMs(now) }) };
  }

  /** The absence before this process belongs to it: nobody else could have counted it. */
  async #tally(camera: CameraId): Promise<Tally> {
    const known = this.#tallies.get(camera);
    if (known) return known;
    const { pieces } = await this.#playback.tile({ camera, from: utcMs(Math.max(0, this.#started - ABSENCE_MS)), to: this.#started });
    const last = pieces.findLast((piece) => piece.owed && (piece.reason === 'app-not-running' || piece.reason === 'index-lost'));
    const upTo = last && last.to >= this.#started - SETTLED_MS ? utcMs(last.from) : this.#started;
    const tally: Tally = { upTo, missing: new Map() };
    this.#tallies.set(camera, tally);
    return tally;
  }

  async #count(camera: CameraId, span: Span, { missing }: Tally): Promise<void> {
    for (const { reason, from, to, owed } of (await this.#playback.tile({ camera, ...span })).pieces)
      if (owed) missing.set(reason, (missing.get(reason) ?? 0) + to - from);
  }

  async #ratio(camera: CameraId, span: Span): Promise<number | null> {
    const { spans, pieces } = await this.#playback.tile({ camera, ...span });
    const recorded = spans.reduce((sum, { from, to }) => sum + to - from, 0);
    const missing = pieces.filter(({ owed, reason }) => owed && !NOT_OWED.has(reason)).reduce((sum, { from, to }) => sum + to - from, 0);
    return recorded + missing > 0 ? recorded / (recorded + missing) : null;
  }
}
