import type { CodedError } from '../base/errors.ts';
import { utcMs } from '../base/units.ts';
import type { Span } from '../contract/model.ts';
import type { NewSegment } from '../segment/segment.ts';
import { SegmentWriter } from '../segment/segment-writer.ts';
import type { SpoolFile } from '../../peer/session/bulk-server.ts';
import type { HealableCamera } from './camera.ts';
import type { HealingParts } from './camera-healing.ts';
import { LEAST_MS, overlapMs, owed } from './plan.ts';
import { FetchedFile, type Group } from './refile.ts';

/** A keyframe that is recorded already and one of the spool's this near to it are the same one, milliseconds: it tells the true difference of the clocks. */
const SAME_MS = 150;

export interface Fetched {
  readonly file: SpoolFile;
  readonly clockOffsetMs: number;
  readonly outage: Span;
  /** Of files that are whole. */
  readonly late: NewSegment[];
}

/**
 * Puts into the recordings what they miss within the outage of a fetched and verified file: whole groups of pictures, none that is there already, under
 * true times. Returns what was added; rows that the database does not take are put into `late`.
 * @throws CodedError `protocol-error` when the file is not what a spool writes; those of the disk
 */
export async function insertFetched(
  camera: HealableCamera,
  parts: HealingParts,
  path: string,
  { file, clockOffsetMs, outage, late }: Fetched,
): Promise<Span[]> {
  const shiftMs = file.start - file.key - clockOffsetMs;
  const fetched = await FetchedFile.open(path, { key: file.key, lengthMs: file.end - file.start, shiftMs });
  try {
    const [first] = fetched.groups;
    const last = fetched.groups.at(-1);
    if (!first || !last) return [];
    const around = { camera: camera.key, from: utcMs(Math.floor(first.from) - SAME_MS), to: utcMs(Math.ceil(last.to) + SAME_MS) };
    // As it is now, for the outage may be shorter than it was when this file was asked for.
    const missing = owed(await camera.gaps({ from: around.from, to: around.to })).map(({ from, to }) => ({
      from: utcMs(Math.max(from, outage.from)),
      to: utcMs(Math.min(to, outage.to)),
    }));
    const recorded = await parts.storage.call('segmentsWithKeyframes', around);
    const added: Span[] = [];
    for (const run of runsOf(fetched.groups, (group) => overlapMs(missing, group.from, group.to) > LEAST_MS)) {
      const moveMs = alignment(run, recorded);
      added.push(await write(camera, parts, fetched, run, { moveMs: freeStart(run, moveMs, recorded), late }));
    }
    return added;
  } finally {
    await fetched.close();
  }
}

/** Groups that are wanted, those that follow each other together. */
export function runsOf(groups: readonly Group[], isWanted: (group: Group) => boolean): Group[][] {
  const runs: Group[][] = [];
  let current: Group[] | null = null;
  for (const group of groups) {
    if (!isWanted(group)) current = null;
    else if (current) current.push(group);
    else runs.push((current = [group]));
  }
  return runs;
}

/** What the run must be moved by so that a keyframe that both have is at one time: of its beginning, or else where the recording goes on behind it. */
export function alignment(run: readonly Group[], recorded: readonly Pick<NewSegment, 'keyframes'>[]): number {
  for (const at of [run[0]?.from ?? 0, run.at(-1)?.to ?? 0]) {
    let best: number | null = null;
    for (const { keyframes } of recorded) {
      for (const keyframe of keyframes) {
        const apart = keyframe.at - at;
        if (Math.abs(apart) <= SAME_MS && (best === null || Math.abs(apart) < Math.abs(best))) best = apart;
      }
    }
    if (best !== null) return best;
  }
  return 0;
}

/** As little more as it takes for a start that no row has: the new one would take its place. */
function freeStart(run: readonly Group[], moveMs: number, recorded: readonly Pick<NewSegment, 'start'>[]): number {
  const taken = new Set<number>(recorded.map(({ start }) => start));
  let move = moveMs;
  while (taken.has(Math.round((run[0]?.from ?? 0) + move))) move += 1;
  return move;
}

async function write(
  camera: HealableCamera,
  parts: HealingParts,
  fetched: FetchedFile,
  run: readonly Group[],
  { moveMs, late }: { readonly moveMs: number; readonly late: NewSegment[] },
): Promise<Span> {
  const { register, folders, clock, log } = parts;
  const failure: { error?: CodedError } = {};
  const span = { from: Infinity, to: -Infinity };
  const writer = new SegmentWriter({
    camera,
    register,
    folder: () => folders.choose(camera.settings().folder),
    failed: (folder, error) => folders.failed(folder, error),
    origin: 'healed',
    clock,
    log,
    onWritten: (from, to) => {
      span.from = Math.min(span.from, from);
      span.to = Math.max(span.to, to);
    },
    onFailed: (error) => (failure.error ??= error),
  });
  try {
    // One group after another: no more of the file is in memory.
    for await (const events of fetched.events(run, moveMs)) {
      if (failure.error) break;
      writer.write(events);
      await writer.settled();
    }
  } finally {
    await writer.close();
    late.push(...writer.unlisted);
  }
  if (failure.error) throw failure.error;
  return { from: utcMs(span.from), to: utcMs(span.to) };
}
