import { createHash } from 'node:crypto';
import type { Segment } from '../contract/model.ts';
import { baseDecodeTime, trackIdOf } from '../media/fmp4/fragment.ts';
import type { ClipWitness } from '../playback/clip.ts';
import { fragmentsIn } from '../playback/segment-reader.ts';
import { ContentHash, groupHash, headerHash, segmentHash, type GroupHash } from '../segment/content-hash.ts';
import { toText, type ExportedSegment } from './export-format.ts';

/** A segment of which something is in the clip. */
export interface WitnessedSegment {
  readonly segment: Segment;
  readonly entry: Omit<ExportedSegment, 'link'>;
  /** Hash of what it shows, by what was read. */
  readonly content: Uint8Array;
}

interface FragmentTime {
  readonly track: number;
  readonly time: number;
}

interface Current {
  readonly segment: Segment;
  readonly header: Uint8Array;
  readonly shifts: Map<number, number>;
  readonly groups: ExportedSegment['groups'];
  readonly hashes: Uint8Array[];
}

/** Writes down what a clip is made of, for its proof. */
export class ExportWitness implements ClipWitness {
  readonly #hash = createHash('sha256');
  readonly #done: WitnessedSegment[] = [];
  #bytes = 0;
  #current: Current | null = null;
  #group: (GroupHash & { readonly times: readonly FragmentTime[] }) | null = null;

  /** A piece of the clip goes out. */
  piece(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
  }

  segment(segment: Segment, header: Uint8Array): void {
    this.#finish();
    this.#current = { segment, header: headerHash(header), shifts: new Map(), groups: [], hashes: [] };
  }

  group(bytes: Uint8Array): void {
    const content = new ContentHash();
    content.push(bytes);
    const [group] = content.groups;
    const times = [...fragmentsIn(bytes)].map((fragment) => ({ track: trackIdOf(fragment) ?? 0, time: baseDecodeTime(fragment) ?? 0 }));
    this.#group = { at: group?.at ?? 0, fragments: group?.fragments ?? [], times };
  }

  kept(fragments: readonly boolean[], shifts: ReadonlyMap<number, number>): void {
    const group = this.#group;
    const current = this.#current;
    this.#group = null;
    if (!group || !current) return;
    const hash = groupHash(group);
    current.hashes.push(hash);
    const first = group.times[fragments.indexOf(true)];
    if (!first) return void current.groups.push(toText(hash));
    for (const [track, shift] of shifts) current.shifts.set(track, shift);
    const out = group.fragments.flatMap((fragment, i): [number, string][] => (fragments[i] ? [] : [[i, toText(fragment)]]));
    const time = first.time + (shifts.get(first.track) ?? 0);
    current.groups.push({ at: group.at, hash: toText(hash), time, fragments: group.fragments.length, ...(out.length > 0 ? { out } : {}) });
  }

  /** What was seen, once the clip is whole. */
  end(): { readonly media: { readonly bytes: number; readonly sha256: string }; readonly segments: readonly WitnessedSegment[] } {
    this.#finish();
    return { media: { bytes: this.#bytes, sha256: toText(this.#hash.digest()) }, segments: this.#done };
  }

  #finish(): void {
    const current = this.#current;
    this.#current = null;
    if (!current || current.groups.every((group) => typeof group === 'string')) return;
    const { segment, header, shifts, groups, hashes } = current;
    const { start, end, origin } = segment;
    const entry = { start, end, origin, header: toText(header), shifts: [...shifts], groups };
    this.#done.push({ segment, entry, content: segmentHash(header, hashes) });
  }
}
