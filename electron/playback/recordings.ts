import type { Clock } from '../base/clock.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraId, DayCoverage, Gap, Recordings as RecordingsAnswer, Span, TimelineCoverage } from '../contract/model.ts';
import type { Storage } from '../storage/client.ts';
import { GAP_PAGE, type GapCursor } from '../storage/ledger-calls.ts';
import type { CameraRow, GapRow, StorageReply } from '../storage/interface.ts';
import { daysOf, perDay } from './coverage-days.ts';
import { Explanation, UNKNOWN, type Piece } from './explanation.ts';
import type { Footage } from './footage.ts';
import { complement } from './ranges.ts';

/** How far around a range the app's running time is looked at: its notes are a few seconds apart. */
const RUN_MARGIN_MS = 15_000;
/** How far around a time its gap is looked for, milliseconds. */
const GAP_SEARCH_MS = 31 * 86_400_000;

/** A range, tiled exactly by what is recorded and by why the rest is not. */
export interface Tiled {
  readonly spans: readonly Span[];
  readonly healed: readonly Span[];
  readonly pieces: readonly Piece[];
}

/** What was recorded, what was not, and why: spans and gaps that tile any range exactly. */
export class Recordings {
  readonly #storage: Pick<Storage, 'call'>;
  readonly #footage: Footage;
  readonly #clock: Clock;
  readonly #unlistedBefore: (camera: CameraId) => UtcMs | null;

  /** @param unlistedBefore while the index is being rebuilt: footage before this time may not be listed yet */
  constructor(
    storage: Pick<Storage, 'call'>,
    footage: Footage,
    clock: Clock,
    unlistedBefore: (camera: CameraId) => UtcMs | null = () => null,
  ) {
    this.#storage = storage;
    this.#unlistedBefore = unlistedBefore;
    this.#footage = footage;
    this.#clock = clock;
  }

  /** Errors: `not-found` for an unknown camera. An empty or reversed range has neither spans nor gaps. */
  async query({ camera: id, from, to }: Span & { camera: CameraId }): Promise<RecordingsAnswer> {
    const camera = await this.#footage.camera(id);
    if (to <= from) return { spans: [], gaps: [], healed: [], coverage: 0 };
    const [start, end] = [whole(from), whole(to)];
    const { spans, healed, pieces } = await this.tile(camera, start, end);
    const past = Math.min(end, Math.max(start, whole(this.#clock.now()))) - start;
    return { spans, gaps: pieces.map(toGap), healed, coverage: past > 0 ? Math.min(1, lengthOf(spans) / past) : 0 };
  }

  /** The gap that holds `at`, a time at which nothing is recorded. Long ones are cut a month away. */
  async gapAt(camera: CameraRow, at: UtcMs): Promise<Gap> {
    const { pieces } = await this.tile(camera, utcMs(Math.max(0, at - GAP_SEARCH_MS)), utcMs(at + GAP_SEARCH_MS));
    const piece = pieces.find((one) => one.from <= at && at < one.to);
    return piece ? toGap(piece) : { from: at, to: utcMs(at + 1), ...UNKNOWN };
  }

  /** The last `days` calendar days of the time zone, the oldest first; the last one is today. Errors: `not-found`, `bad-request` for a time zone. */
  async days({ camera: id, days, timeZone }: { camera: CameraId; days: number; timeZone: string }): Promise<DayCoverage[]> {
    const borders = daysOf(this.#clock.now(), days, timeZone);
    const camera = await this.#footage.camera(id);
    const [from, to] = [borders[0], borders.at(-1)];
    if (from === undefined || to === undefined) return [];
    return perDay(borders, await this.tile(camera, from, to));
  }

  /** Errors: `not-found`. `buckets`: 1 or more. */
  async timeline(args: Span & { cameras: readonly CameraId[]; buckets: number }): Promise<TimelineCoverage[]> {
    const { cameras, from, to, buckets } = args;
    return Promise.all(
      cameras.map(async (id) => {
        const camera = await this.#footage.camera(id);
        const [spans, events] = await Promise.all([
          this.#footage.spans(camera, from, to),
          this.#storage.call('eventDensity', { camera: camera.key, from, to, buckets }),
        ]);
        return { camera: id, coverage: coveragePerBucket(spans, from, to, buckets), events };
      }),
    );
  }

  /** `from` before `to`, whole milliseconds. */
  async tile(camera: CameraRow, from: UtcMs, to: UtcMs): Promise<Tiled> {
    const around = { from: utcMs(Math.max(0, from - RUN_MARGIN_MS)), to: utcMs(to + RUN_MARGIN_MS) };
    const [spans, healed, gaps, runs, facts] = await Promise.all([
      this.#footage.spans(camera, from, to),
      this.#storage.call('healed', { camera: camera.key, from, to }),
      this.#gaps(camera, from, to),
      this.#storage.call('runs', around),
      this.#storage.call('facts', { from, to }),
    ]);
    const explanation = new Explanation({
      camera,
      now: this.#clock.now(),
      gaps,
      facts,
      runs,
      unlistedBefore: this.#unlistedBefore(camera.id),
    });
    return { spans, healed, pieces: complement(spans, from, to).flatMap((hole) => explanation.of(hole)) };
  }

  /** All of them, in order, however many there are: a page at a time, so that nobody else waits for long. */
  async #gaps(camera: CameraRow, from: UtcMs, to: UtcMs): Promise<GapRow[]> {
    const rows: GapRow[] = [];
    for (let after: GapCursor | null = null; ;) {
      const page: StorageReply<'gaps'> = await this.#storage.call('gaps', { camera: camera.key, from, to, after });
      rows.push(...page);
      const last = page.at(-1);
      if (!last || page.length < GAP_PAGE) return rows;
      after = { start: last.start, key: last.key };
    }
  }
}

/** Share recorded of each of `buckets` equal slices of [from, to), 0..1. */
export function coveragePerBucket(spans: readonly Span[], from: number, to: number, buckets: number): number[] {
  const coverage = new Array<number>(buckets).fill(0);
  const width = (to - from) / buckets;
  if (!(width > 0)) return coverage;
  for (const span of spans) {
    const first = Math.max(0, Math.floor((span.from - from) / width));
    const last = Math.min(buckets - 1, Math.ceil((span.to - from) / width) - 1);
    for (let i = first; i <= last; i++) {
      const overlap = Math.min(span.to, from + (i + 1) * width) - Math.max(span.from, from + i * width);
      coverage[i] = Math.min(1, (coverage[i] ?? 0) + Math.max(0, overlap) / width);
    }
  }
  return coverage;
}

function toGap({ from, to, reason, text }: Piece): Gap {
  return { from: utcMs(from), to: utcMs(to), reason, text };
}

function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, span) => sum + span.to - span.from, 0);
}

/** Ranges come from outside: a fraction of a millisecond is dropped. */
function whole(time: number): UtcMs {
  return utcMs(Math.trunc(time));
}
