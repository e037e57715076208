import { parseFragment, setBaseDecodeTime, type FragmentSample } from '../media/fmp4/fragment.ts';
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

interface FileFragment {
  readonly moof: Uint8Array;
  readonly mdat: Uint8Array;
  readonly sample: FragmentSample;
}

/** Finds the groups of pictures that the proof speaks of in the file, by their time in it, and compares them. */
export class GroupMatcher {
  readonly #add: AddFinding;
  readonly #header: string | null;
  readonly #expected: readonly Expected[];
  readonly #byTime = new Map<number, Expected>();
  #init: InitSegment | null = null;
  #group: FileFragment[] = [];
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
      this.#group.push({ moof: part.moof, mdat: part.mdat, sample });
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

  #finish(): void {
    const group = this.#group;
    this.#group = [];
    const [first] = group;
    if (!first) return;
    const expected = this.#byTime.get(first.sample.dts);
    if (!expected || expected.found) return void (this.#added += 1);
    expected.found = true;
    if (this.#last && expected.order < this.#last.order) this.#add('reordered', 'This time stands behind a later one.', expected);
    this.#last = expected;
    if (hashOf(group, expected) !== expected.group.hash) this.#add('changed', 'The footage of this time was changed.', expected);
  }
}

/** Of the group as it was in its segment: times put back, and what was left out put in by its hash. Null when that is not possible. */
function hashOf(group: readonly FileFragment[], { group: said, shifts }: Expected): string | null {
  const out = new Map(said.out ?? []);
  if (group.length + out.size !== said.fragments) return null;
  const fragments: Uint8Array[] = [];
  let next = 0;
  for (let i = 0; i < said.fragments; i++) {
    const left = out.get(i);
    if (left !== undefined) {
      fragments.push(fromText(left));
      continue;
    }
    const fragment = group[next++];
    if (!fragment) return null;
    const moof = fragment.moof.slice();
    if (!setBaseDecodeTime(moof, fragment.sample.dts - (shifts.get(fragment.sample.track.id) ?? 0))) return null;
    fragments.push(fragmentHash(moof, fragment.mdat));
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
