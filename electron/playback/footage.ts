import { CodedError } from '../base/errors.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { CameraId, Segment, Span } from '../contract/model.ts';
import type { Storage } from '../storage/client.ts';
import { SPAN_TOLERANCE_MS, type CameraRow } from '../storage/interface.ts';
import { toSegment } from '../segment/segment.ts';

/** What the recorders hold that the database does not: closed files whose row is on its way, and the open one. Oldest first. */
export type UnlistedSegments = (camera: CameraId) => readonly Segment[];

/** A camera's footage: the listed segments and those that the recorder still holds, as one. */
export class Footage {
  readonly #storage: Pick<Storage, 'call'>;
  readonly #unlisted: UnlistedSegments;

  constructor(storage: Pick<Storage, 'call'>, unlisted: UnlistedSegments) {
    this.#storage = storage;
    this.#unlisted = unlisted;
  }

  /** Also a removed camera whose recordings were kept. Errors: `not-found`. */
  async camera(id: CameraId): Promise<CameraRow> {
    const row = await this.#storage.call('camera', { id });
    if (!row) throw new CodedError('not-found', `There is no camera ${id}.`);
    return row;
  }

  /** The segment that holds `at`; of overlapping ones the one that began last. */
  async locate(camera: CameraRow, at: UtcMs): Promise<Segment | null> {
    const held = this.#unlisted(camera.id)
      .filter((segment) => segment.start <= at && at < segment.end)
      .at(-1);
    if (held) return held;
    const row = await this.#storage.call('locate', { camera: camera.key, at });
    return row && toSegment(camera.id, row);
  }

  /** Those that overlap [from, to), in order, at most `limit`. */
  async segments(camera: CameraRow, from: UtcMs, to: UtcMs, limit?: number): Promise<Segment[]> {
    // Asked for first: a segment that is listed in between is then in both, never in neither.
    const held = this.#unlisted(camera.id).filter((segment) => segment.start < to && segment.end > from);
    const rows = await this.#storage.call('segmentsWithKeyframes', {
      camera: camera.key,
      from,
      to,
      ...(limit === undefined ? {} : { limit }),
    });
    const listed = rows.map((row) => toSegment(camera.id, row));
    const known = new Set(listed.map((segment) => segment.start));
    const all = [...listed, ...held.filter((segment) => !known.has(segment.start))].sort((a, b) => a.start - b.start);
    return limit === undefined ? all : all.slice(0, limit);
  }

  /** Recorded time, merged, cut to [from, to). */
  async spans(camera: CameraRow, from: UtcMs, to: UtcMs): Promise<Span[]> {
    const held = this.#unlisted(camera.id).map((segment) => ({ from: segment.start, to: segment.end }));
    const listed = await this.#storage.call('spans', { camera: camera.key, from, to });
    return mergeSpans([...listed, ...held], from, to);
  }

  /** Nearest recorded times before and after one at which nothing is recorded. */
  async around(camera: CameraRow, at: UtcMs): Promise<{ previous: UtcMs | null; next: UtcMs | null }> {
    const held = this.#unlisted(camera.id);
    const listed = await this.#storage.call('around', { camera: camera.key, at });
    const before = [listed.previous, ...held.filter((segment) => segment.end <= at).map((segment) => utcMs(segment.end - 1))];
    const after = [listed.next, ...held.filter((segment) => segment.start > at).map((segment) => segment.start)];
    return { previous: extreme(before, Math.max), next: extreme(after, Math.min) };
  }
}

/** In order, cut to [from, to); those less than the tolerance apart are one. */
function mergeSpans(spans: readonly Span[], from: UtcMs, to: UtcMs): Span[] {
  const merged: { from: UtcMs; to: UtcMs }[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const start = utcMs(Math.max(span.from, from));
    const end = utcMs(Math.min(span.to, to));
    if (end <= start) continue;
    const last = merged.at(-1);
    if (last && start <= last.to + SPAN_TOLERANCE_MS) last.to = utcMs(Math.max(last.to, end));
    else merged.push({ from: start, to: end });
  }
  return merged;
}

function extreme(times: readonly (UtcMs | null)[], pick: (...values: number[]) => number): UtcMs | null {
  const known = times.filter((time) => time !== null);
  return known.length > 0 ? utcMs(pick(...known)) : null;
}
