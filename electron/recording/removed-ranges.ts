import { utcMs, type UtcMs } from '../base/units.ts';
import type { RemovedRange } from '../segment/proofs.ts';
import type { CameraKey, SegmentRow } from '../segment/segment.ts';
import type { Storage } from '../storage/client.ts';

/** Rows looked at together, to tell what stays between the first and the last that go. */
const PAGE = 10_000;

/**
 * As few ranges as say which of the listed segments go: what stays between two that go parts them. Starts that are not listed are passed over.
 * @param goes what a row must be besides
 */
export async function removedRanges(
  storage: Pick<Storage, 'call'>,
  camera: CameraKey,
  starts: readonly UtcMs[],
  goes: (row: SegmentRow) => boolean = () => true,
): Promise<RemovedRange[]> {
  if (starts.length === 0) return [];
  const going = new Set<number>(starts);
  const last = starts.reduce((latest, start) => Math.max(latest, start), 0);
  const ranges: { first: UtcMs; last: UtcMs; count: number }[] = [];
  let open: { first: UtcMs; last: UtcMs; count: number } | null = null;
  for (let from: number = starts.reduce((earliest, start) => Math.min(earliest, start), Infinity); ;) {
    const rows = await storage.call('segmentsInRange', { camera, from: utcMs(from), to: utcMs(last + 1), limit: PAGE });
    for (const row of rows) {
      if (row.start < from) continue;
      if (!going.has(row.start) || !goes(row)) open = null;
      else if (open) {
        open.last = row.start;
        open.count += 1;
      } else ranges.push((open = { first: row.start, last: row.start, count: 1 }));
    }
    const reached = rows.at(-1);
    if (!reached || rows.length < PAGE) return ranges;
    from = Math.max(from, reached.start) + 1;
  }
}
