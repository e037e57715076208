import type { Gap, Span } from '../contract/model.ts';
import { CAMERA_FACTS } from '../storage/ledger-calls.ts';
import type { CameraRow, FactRow, GapRow } from '../storage/interface.ts';
import { complement, RangeList, type Range } from './ranges.ts';

/** The app notes every 5 s that it runs: it runs still if it did so a moment ago. */
const ALIVE_MS = 15_000;
/** Unexplained time next to an explained one belongs to it: a failure is noticed some seconds after it began. */
const NEIGHBOUR_MS = 15_000;
/** The newest footage may take so long to reach the disk, milliseconds. */
const ON_ITS_WAY_MS = 3_000;

/** What is known of the range that holes are explained in. */
export interface Known {
  readonly camera: Pick<CameraRow, 'createdAt' | 'removedAt'>;
  readonly now: number;
  /** Of the camera, in order of their start. */
  readonly gaps: readonly GapRow[];
  /** Of all cameras, in order of their start. */
  readonly facts: readonly FactRow[];
  readonly runs: readonly Span[];
  /** The index is being rebuilt: footage of before this time may be there and not be listed yet. */
  readonly unlistedBefore?: number | null;
}

export interface Piece extends Range {
  readonly reason: Gap['reason'];
  readonly text: string;
  /** The camera was there, and the time has come. */
  readonly owed: boolean;
}

type Why = Pick<Piece, 'reason' | 'text'>;

const NOT_ADDED = { reason: 'not-added-yet', text: 'The camera had not been added yet.' } as const;
const FUTURE = { reason: 'future', text: 'This time is still to come, or is just being written.' } as const;
const NOT_RUNNING = { reason: 'app-not-running', text: 'Keyhole was not running.' } as const;
const REMOVED = { reason: 'recorder-stopped', text: 'The camera had been removed from Keyhole.' } as const;
const REBUILDING = {
  reason: 'index-rebuilding',
  text: 'The index is being made anew from the recordings: what there is of this time is not listed yet.',
} as const;
const PENDING = { reason: 'source-stalled', text: 'No picture has come for some seconds; why is not known yet.' } as const;
const ADDED = { reason: 'connecting', text: 'The camera was just being added.' } as const;
export const UNKNOWN = { reason: 'unknown', text: 'Nothing is recorded here, and no reason was noted.' } as const;

/**
 * Why nothing is recorded, by what is most certain: the time before the camera, behind it, and to come; what was seen to happen to its footage
 * (deleted, lost); time that a rebuilt index does not reach yet; what happened to all cameras (asleep, a clock that was set, the index lost); the app away; what was noted while it ran; time that came
 * twice; and for some seconds that none of these explain, what is beside them.
 */
export class Explanation {
  readonly #known: Known;
  /** The most certain first. */
  readonly #layers: readonly RangeList<Piece>[];
  readonly #lasting: boolean;

  constructor(known: Known) {
    const { gaps, facts, runs, now, unlistedBefore = null } = known;
    this.#known = known;
    this.#lasting = gaps.some((row) => row.end === null);
    const lived = alive(runs, now);
    const away = complement(lived, -Infinity, Infinity);
    this.#layers = [
      gaps.filter((row) => CAMERA_FACTS.has(row.reason)).map(pieceOf),
      unlistedBefore === null ? [] : [{ from: -Infinity, to: unlistedBefore, ...REBUILDING, owed: true }],
      // Nobody slept through, and no clock passed over, what the app lived through before its clock was set back.
      facts.filter((row) => !row.weak).flatMap((row) => without(pieceOf(row), lived)),
      away.map((range) => ({ ...range, ...NOT_RUNNING, owed: true })),
      gaps.filter((row) => !CAMERA_FACTS.has(row.reason)).map(pieceOf),
      facts.filter((row) => row.weak).map(pieceOf),
    ].map((layer) => new RangeList(layer));
  }

  /** Pieces that tile the hole exactly, in order; neighbours of the same words are one. */
  of(hole: Range): Piece[] {
    const { camera, now } = this.#known;
    const born = clamp(camera.createdAt, hole.from, hole.to);
    // Footage reaches the disk in batches: the last moment is not missing, only on its way.
    const onItsWay = now - born <= ON_ITS_WAY_MS && camera.removedAt === null && !this.#lasting;
    const present = onItsWay ? born : clamp(now, born, hole.to);
    const gone = clamp(camera.removedAt ?? Infinity, born, present);
    const notOwed = (from: number, to: number, why: Why): Piece[] => (to > from ? [{ from, to, ...why, owed: false }] : []);
    return joined([
      ...notOwed(hole.from, born, NOT_ADDED),
      ...this.#owed(born, gone),
      ...notOwed(gone, present, REMOVED),
      ...notOwed(present, hole.to, FUTURE),
    ]);
  }

  #owed(from: number, to: number): Piece[] {
    const pieces: Piece[] = [];
    let rest: Range[] = to > from ? [{ from, to }] : [];
    for (const layer of this.#layers) {
      rest = rest.flatMap((range) => {
        const told = layer.within(range);
        pieces.push(...told);
        return complement(told, range.from, range.to);
      });
    }
    for (const { from: start, to: end } of rest) pieces.push({ from: start, to: end, ...UNKNOWN, owed: true });
    pieces.sort((a, b) => a.from - b.from);
    return pieces.map((piece, i) => this.#byNeighbour(piece, pieces[i + 1] ?? pieces[i - 1]));
  }

  #byNeighbour(piece: Piece, neighbour: Piece | undefined): Piece {
    if (piece.reason !== 'unknown' || piece.to - piece.from > NEIGHBOUR_MS) return piece;
    if (neighbour && neighbour.reason !== 'unknown') return { ...piece, reason: neighbour.reason, text: neighbour.text };
    if (piece.from === this.#known.camera.createdAt) return { ...piece, ...ADDED };
    return piece.to >= this.#known.now ? { ...piece, ...PENDING } : piece;
  }
}

function pieceOf({ start, end, reason, text }: { start: number; end: number | null; reason: Piece['reason']; text: string }): Piece {
  return { from: start, to: end ?? Infinity, reason, text, owed: true };
}

/** When the app ran; a period noted a moment ago lasts until now. */
function alive(runs: readonly Span[], now: number): Range[] {
  const last = runs.at(-1);
  return last && last.to < now && now - last.to < ALIVE_MS ? [...runs.slice(0, -1), { from: last.from, to: now }] : [...runs];
}

function without(piece: Piece, ranges: readonly Range[]): Piece[] {
  return complement(ranges, piece.from, piece.to).map((range) => ({ ...piece, ...range }));
}

function joined(pieces: readonly Piece[]): Piece[] {
  const result: Piece[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    if (last && last.to === piece.from && last.reason === piece.reason && last.text === piece.text && last.owed === piece.owed)
      result[result.length - 1] = { ...last, to: piece.to };
    else result.push(piece);
  }
  return result;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
