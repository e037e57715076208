import type { Clock } from '../base/clock.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraId, Gap, Recordings as RecordingsAnswer, Span, TimelineCoverage } from '../contract/model.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraRow, GapRow } from '../storage/interface.ts';
import type { Footage } from './footage.ts';

/** The app notes every 5 s that it runs: a shorter hole between two notes proves nothing. */
const RUN_TOLERANCE_MS = 15_000;
/** Unexplained time next to a stored gap belongs to it: a failure is noticed some seconds after it began. */
const NEIGHBOUR_MS = 15_000;
/** The newest footage may take so long to reach the disk, milliseconds. */
const ON_ITS_WAY_MS = 3_000;
/** How far around a time its gap is looked for, milliseconds. */
const GAP_SEARCH_MS = 31 * 86_400_000;

interface Range {
  from: number;
  to: number;
}

interface Piece extends Range {
  reason: Gap['reason'];
  text: string;
}

const NOT_ADDED = { reason: 'not-added-yet', text: 'The camera had not been added yet.' } as const;
const FUTURE = { reason: 'future', text: 'This time is still to come, or is just being written.' } as const;
const NOT_RUNNING = { reason: 'app-not-running', text: 'Keyhole was not running, or the computer was asleep.' } as const;
const UNKNOWN = { reason: 'unknown', text: 'Nothing is recorded here, and no reason was noted.' } as const;
const REMOVED = { reason: 'recorder-stopped', text: 'The camera had been removed from Keyhole.' } as const;

/** Noted because they were seen to happen, whether the app ran all the time or not. */
const FACTS: ReadonlySet<Gap['reason']> = new Set([
  'unknown',
  'clock-set',
  'format-changed',
  'file-lost',
  'deleted-by-retention',
  'deleted-by-person',
]);

/** What was recorded, what was not, and why: spans and gaps that tile any range exactly. */
export class Recordings {
  readonly #storage: Pick<Storage, 'call'>;
  readonly #footage: Footage;
  readonly #clock: Clock;

  constructor(storage: Pick<Storage, 'call'>, footage: Footage, clock: Clock) {
    this.#storage = storage;
    this.#footage = footage;
    this.#clock = clock;
  }

  /** Errors: `not-found` for an unknown camera. An empty or reversed range has neither spans nor gaps. */
  async query({ camera: id, from, to }: Span & { camera: CameraId }): Promise<RecordingsAnswer> {
    const camera = await this.#footage.camera(id);
    if (to <= from) return { spans: [], gaps: [], healed: [], coverage: 0 };
    return this.#tile(camera, whole(from), whole(to));
  }

  /** The gap that holds `at`, a time at which nothing is recorded. Long ones are cut a month away. */
  async gapAt(camera: CameraRow, at: UtcMs): Promise<Gap> {
    const { gaps } = await this.#tile(camera, utcMs(Math.max(0, at - GAP_SEARCH_MS)), utcMs(at + GAP_SEARCH_MS));
    return gaps.find((gap) => gap.from <= at && at < gap.to) ?? { from: at, to: utcMs(at + 1), ...UNKNOWN };
  }

  /** Errors: `not-found`. `buckets`: 1 or more. */
  async timeline(args: Span & { cameras: readonly CameraId[]; buckets: number }): Promise<TimelineCoverage[]> {
    const { cameras, from, to, buckets } = args;
    return Promise.all(
      cameras.map(async (id) => {
        const spans = await this.#footage.spans(await this.#footage.camera(id), from, to);
        return { camera: id, coverage: coveragePerBucket(spans, from, to, buckets) };
      }),
    );
  }

  async #tile(camera: CameraRow, from: UtcMs, to: UtcMs): Promise<RecordingsAnswer> {
    const [spans, healed, stored, runs] = await Promise.all([
      this.#footage.spans(camera, from, to),
      this.#storage.call('healed', { camera: camera.key, from, to }),
      this.#storage.call('gaps', { camera: camera.key, from, to }),
      this.#storage.call('runs', { from: utcMs(Math.max(0, from - RUN_TOLERANCE_MS)), to: utcMs(to + RUN_TOLERANCE_MS) }),
    ]);
    const now = this.#clock.now();
    const gaps: Gap[] = [];
    for (const hole of complement(spans, from, to)) {
      const pieces = [hole].flatMap((piece) => explain(piece, camera, now, stored, runs));
      for (const piece of joined(pieces))
        gaps.push({ from: utcMs(piece.from), to: utcMs(piece.to), reason: piece.reason, text: piece.text });
    }
    const past = Math.min(to, Math.max(from, whole(now))) - from;
    const recorded = spans.reduce((sum, span) => sum + span.to - span.from, 0);
    return { spans, gaps, healed, coverage: past > 0 ? Math.min(1, recorded / past) : 0 };
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

/** What is left of [from, to) between the spans (in order of their start). */
export function complement(spans: readonly Range[], from: number, to: number): Range[] {
  const holes: Range[] = [];
  let position = from;
  for (const span of spans) {
    if (span.from >= to) break;
    if (span.from > position) holes.push({ from: position, to: Math.min(span.from, to) });
    position = Math.max(position, span.to);
  }
  if (position < to) holes.push({ from: position, to });
  return holes;
}

/**
 * In order of what is certain: the future, before the camera was added, after it was removed; what was noted as a fact (a clock
 * that was set, a file that is gone); the app away; then the reasons noted while it ran, and their neighbourhood.
 */
function explain(hole: Range, camera: CameraRow, now: number, stored: readonly GapRow[], runs: readonly Span[]): Piece[] {
  const pieces: Piece[] = [];
  const cut = (from: number, to: number, why: Pick<Piece, 'reason' | 'text'>) => {
    if (to > from) pieces.push({ from, to, ...why });
  };
  const born = Math.min(Math.max(camera.createdAt, hole.from), hole.to);
  // Footage reaches the disk in batches: the last moment is not missing, only on its way.
  const onItsWay = now - born <= ON_ITS_WAY_MS && camera.removedAt === null && !stored.some((row) => row.end === null);
  const present = onItsWay ? born : Math.min(Math.max(now, born), hole.to);
  const gone = Math.min(Math.max(camera.removedAt ?? Infinity, born), present);
  cut(hole.from, born, NOT_ADDED);
  cut(gone, present, REMOVED);
  cut(present, hole.to, FUTURE);

  const facts = stored.filter((row) => FACTS.has(row.reason));
  const reasons = stored.filter((row) => !FACTS.has(row.reason));
  const away = complement(tolerant(runs, now), -Infinity, Infinity).filter((piece) => piece.to - piece.from >= RUN_TOLERANCE_MS);
  const guessed = complement(rangesOf(facts), born, gone);
  for (const piece of complement(guessed, born, gone)) pieces.push(...noted(piece, facts));
  for (const piece of guessed) {
    const running = complement(away, piece.from, piece.to);
    for (const part of running) pieces.push(...noted(part, reasons));
    for (const part of complement(running, piece.from, piece.to)) cut(part.from, part.to, NOT_RUNNING);
  }
  return pieces.sort((a, b) => a.from - b.from);
}

function rangesOf(rows: readonly GapRow[]): Range[] {
  return rows.map((row) => ({ from: row.start, to: row.end ?? Infinity }));
}

/** Runs with holes too short to mean anything closed; one noted a moment ago lasts until now. */
function tolerant(runs: readonly Span[], now: number): Range[] {
  const merged: Range[] = [];
  for (const run of [...runs, { from: now, to: now }].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && run.from - last.to < RUN_TOLERANCE_MS) last.to = Math.max(last.to, run.to);
    else merged.push({ ...run });
  }
  return merged;
}

/** The stored reasons within a hole during which the app ran; what they leave goes to a near neighbour or stays unknown. */
function noted(hole: Range, stored: readonly GapRow[]): Piece[] {
  const pieces: Piece[] = [];
  let position = hole.from;
  for (const row of stored) {
    const from = Math.max(row.start, position);
    const to = Math.min(row.end ?? Infinity, hole.to);
    if (to <= from) continue;
    if (from > position) pieces.push({ from: position, to: from, ...UNKNOWN });
    pieces.push({ from, to, reason: row.reason, text: row.text });
    position = to;
  }
  if (position < hole.to) pieces.push({ from: position, to: hole.to, ...UNKNOWN });
  return pieces.map((piece, i) => {
    const neighbour = pieces[i + 1] ?? pieces[i - 1];
    if (piece.reason !== 'unknown' || !neighbour || piece.to - piece.from > NEIGHBOUR_MS) return piece;
    return { ...piece, reason: neighbour.reason, text: neighbour.text };
  });
}

/** Neighbours of the same reason are one gap. */
function joined(pieces: readonly Piece[]): Piece[] {
  const result: Piece[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    if (last && last.to === piece.from && last.reason === piece.reason && last.text === piece.text) last.to = piece.to;
    else result.push({ ...piece });
  }
  return result;
}

/** Ranges come from outside: a fraction of a millisecond is dropped. */
function whole(time: number): UtcMs {
  return utcMs(Math.trunc(time));
}
