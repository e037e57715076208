import { parseFragment, setBaseDecodeTime } from '../media/fmp4/fragment.ts';
import { parseInit, type InitSegment } from '../media/fmp4/init.ts';
import { fragmentHash, groupHash, headerHash } from '../segment/content-hash.ts';
import { fromText, toText, type ExportedGroup, type ExportedSegment } from './export-format.ts';
import type { FilePart } from './export-file.ts';
import type { ExportFindingKind } from './verify-export.ts';

interface Times {
  readonly from: number;
  readonly to: number;
}
export type AddFinding = (kind: ExportFindingKind, text: string, about?: Times | null) => void;

interface Expected extends Times {
  readonly order: number;
  readonly group: ExportedGroup;
  readonly shifts: ReadonlyMap<number, number>;
  readonly sealed: boolean;
  found: boolean;
}

/** A group as it is read: what the proof says of it, and the hashes of its fragments as they were in their segment. */
interface ReadGroup {
  readonly expected: Expected | null;
  readonly hashes: Uint8Array[];
  /** It has more, or others, than the proof says. */
  wrong: boolean;
}

/**
 * Finds the groups of pictures that the proof speaks of in the file, by their time in it, and compares them. Holds one fragment, and hashes of as
 * many as the proof says that the group has.
 */
export class GroupMatcher {
  readonly #add: AddFinding;
  readonly #header: string | null;
  readonly #expected: readonly Expected[];
  readonly #byTime = new Map<number, Expected>();
  #init: InitSegment | null = null;
  #group: ReadGroup | null = null;
  #last: Expected | null = null;
  #added = 0;
  #foreign = 0;

  constructor(segments: readonly ExportedSegment[], add: AddFinding) {
    this.#add = add;
    this.#header = segments[0]?.header ?? null;
    this.#expected = segments.flatMap(expectedOf).map((entry, order) => ({ ...entry, order, found: false }));
    for (const entry of this.#expected) this.#byTime.set(entry.group.time, entry);
  }

  take(part: FilePart): void {
    if (part.kind === 'foreign') this.#foreign += 1;
    else if (part.kind === 'header') this.#takeHeader(part.bytes);
    else {
      const sample = this.#init && parseFragment(part.moof, this.#init)?.[0];
      if (!sample) return void (this.#foreign += 1);
      if (sample.key && sample.track.config?.kind === 'video') this.#finish();
      this.#group ??= this.#begin(sample.dts);
      this.#fragment(this.#group, part, sample.dts, sample.track.id);
    }
  }

  end(): void {
    this.#finish();
    if (!this.#init) this.#add('changed', 'The header of the file is gone or cannot be read.');
    if (this.#added > 0) this.#add('added', `${this.#added} group(s) of pictures in the file are not of this export.`);
    if (this.#foreign > 0) this.#add('added', `${this.#foreign} part(s) of the file are nothing that an export has.`);
    for (const span of merged(this.#expected.filter(({ found }) => !found))) this.#add('missing', 'This time was taken out.', span);
  }

  spans(): Times[] {
    return merged(this.#expected);
  }

  unsealed(): Times[] {
    return merged(this.#expected.filter(({ sealed }) => !sealed));
  }

  #takeHeader(bytes: Uint8Array): void {
    this.#init = parseInit(bytes);
    if (this.#header !== null && toText(headerHash(bytes)) !== this.#header) this.#add('changed', 'The header of the file was changed.');
  }

  #begin(time: number): ReadGroup {
    const known = this.#byTime.get(time);
    const expected = known && !known.found ? known : null;
    if (expected) expected.found = true;
    else this.#added += 1;
    return { expected, hashes: [], wrong: false };
  }

  /** Its time is put back to what it was in its segment. */
  #fragment(group: ReadGroup, { moof, mdat }: { moof: Uint8Array; mdat: Uint8Array }, dts: number, track: number): void {
    const { expected, hashes } = group;
    if (!expected || group.wrong) return;
    const asWas = moof.slice();
    if (hashes.length < expected.group.fragments && setBaseDecodeTime(asWas, dts - (expected.shifts.get(track) ?? 0)))
      hashes.push(fragmentHash(asWas, mdat));
    else group.wrong = true;
  }

  #finish(): void {
    const group = this.#group;
    this.#group = null;
    if (!group?.expected) return;
    const { expected } = group;
    if (this.#last && expected.order < this.#last.order) this.#add('reordered', 'This time stands behind a later one.', expected);
    this.#last = expected;
    if (hashOf(group, expected.group) !== expected.group.hash) this.#add('changed', 'The footage of this time was changed.', expected);
  }
}

/** Of the group as it was in its segment: what was left out is put in by its hash. Null when that is not possible. */
function hashOf({ hashes, wrong }: ReadGroup, said: ExportedGroup): string | null {
  const out = new Map(said.out ?? []);
  if (wrong || hashes.length + out.size !== said.fragments) return null;
  const fragments: Uint8Array[] = [];
  let next = 0;
  for (let i = 0; i < said.fragments; i++) {
    const left = out.get(i);
    const fragment = left === undefined ? hashes[next++] : fromText(left);
    if (!fragment) return null;
    fragments.push(fragment);
  }
  return toText(groupHash({ at: said.at, fragments }));
}

function expectedOf({ groups, shifts, end, link }: ExportedSegment): Omit<Expected, 'order' | 'found'>[] {
  const inside = groups.filter((group) => typeof group !== 'string');
  return inside.map((group, i) => {
    const to = Math.max(inside[i + 1]?.at ?? end, group.at + 1);
    return { group, from: group.at, to, shifts: new Map(shifts), sealed: link !== null };
  });
}

/** Groups one behind the other are one span. */
function merged(groups: readonly Times[]): Times[] {
  const spans: { from: number; to: number }[] = [];
  for (const { from, to } of groups) {
    const last = spans.at(-1);
    if (last && Math.abs(from - last.to) <= 500) last.to = Math.max(last.to, to);
    else spans.push({ from, to });
  }
  return spans;
}
