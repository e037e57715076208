import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import { utcMs } from '../base/units.ts';
import { cameraFolder, readSegmentName, segmentFile } from '../segment/names.ts';
import type { SegmentRow } from '../segment/segment.ts';
import { ArchiveCheck } from './archive-check.ts';
import { LinkReader } from './chain-files.ts';
import { hashFile, type FileHash } from './file-hash.ts';
import { Findings, type Finding } from './findings.ts';
import { sameBytes, type SegmentLink } from './link.ts';
import { readChain, type ReadChain } from './read-chain.ts';
import type { VerifyOptions } from './verify-chain.ts';

/** Links looked at together. */
const PAGE = 256;
/** Files read at the same time: a disk gains nothing by more. */
const AT_ONCE = 2;
/** A file that was written to so shortly ago is the one that is being recorded, milliseconds. */
const OPEN_MS = 120_000;
/** A start may have been moved so far to find a free name; the time in the file stays. */
const MAX_NAME_SHIFT_MS = 100;
const DAY_MS = 86_400_000;

interface Owed {
  readonly link: SegmentLink;
  readonly row: SegmentRow | undefined;
}

/** Compares the segments that a chain owes with the files that there are. */
export class FileCheck {
  readonly counts = { segments: 0, good: 0, found: 0, bytes: 0, unchecked: 0, unproven: 0 };
  readonly archive: ArchiveCheck;
  readonly #options: VerifyOptions;
  readonly #chain: ReadChain;
  readonly #findings: Findings;
  readonly #links: LinkReader;
  readonly #from: number;
  readonly #to: number;
  /** Found so far, to be told once it is sure that nobody removed or listed them meanwhile. */
  readonly #missing: SegmentLink[] = [];
  readonly #broken: { readonly link: SegmentLink; readonly text: string }[] = [];
  readonly #changed: { readonly link: SegmentLink; readonly read: FileHash | null }[] = [];
  readonly #unknown: { readonly start: number; readonly file: string }[] = [];

  constructor(options: VerifyOptions, chain: ReadChain, findings: Findings) {
    this.#options = options;
    this.#chain = chain;
    this.#findings = findings;
    this.#links = new LinkReader(chain.files);
    this.archive = new ArchiveCheck(options.camera.id, (options.deep && options.archive) || null, options.signal);
    this.#from = options.from ?? 0;
    this.#to = options.to ?? Number.MAX_SAFE_INTEGER;
  }

  async run(): Promise<void> {
    const page: { start: number; seq: number }[] = [];
    for (const owed of this.#chain.index.owed(this.#from, this.#to)) {
      page.push(owed);
      if (page.length === PAGE) await this.#page(page.splice(0));
    }
    await this.#page(page);
    await this.#lookForOthers();
    await this.#tell();
  }

  async #page(page: readonly { start: number; seq: number }[]): Promise<void> {
    const [first] = page;
    const last = page.at(-1);
    if (!first || !last) return;
    const rows = await this.#rows(first.start, last.start);
    const queue: Owed[] = [];
    for (const { seq, start } of page) {
      const found = await this.#links.at(seq);
      if (found?.link?.kind === 'segment') queue.push({ link: found.link, row: rows.get(start) });
    }
    const work = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        this.#options.signal?.throwIfAborted();
        this.#compareWithIndex(next);
        await this.#segment(next);
        this.counts.segments += 1;
        if (this.counts.segments % 16 === 0) this.#options.progress?.({ stage: 'files', count: this.counts.segments });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async #rows(first: number, last: number): Promise<ReadonlyMap<number, SegmentRow>> {
    const { storage, camera } = this.#options;
    if (!storage || camera.key === null) return new Map();
    const range = { camera: camera.key, from: utcMs(first), to: utcMs(last + 1), limit: 4 * PAGE };
    return new Map((await storage.call('segmentsInRange', range)).map((row) => [Number(row.start), row]));
  }

  #compareWithIndex({ link, row }: Owed): void {
    if (row?.hash && !sameBytes(row.hash, link.hash)) this.#add('index-differs', link, 'The index says another hash than the chain.');
  }

  async #segment({ link, row }: Owed): Promise<void> {
    const file = segmentFile(this.#options.camera.id, utcMs(link.start), link.origin);
    const asked = this.#options.folders.filter(({ key }) => !row || key === row.folder);
    for (const { root, present } of asked) if (present && (await this.#local(link, join(root, file)))) return;
    if (row && row.archive !== null) return this.#archived(link, row);
    const away = row ? !asked[0]?.present : asked.some(({ present }) => !present);
    if (away) this.counts.unchecked += 1;
    else this.#missing.push(link);
  }

  /** False when there is no such file. */
  async #local(link: SegmentLink, path: string): Promise<boolean> {
    if (this.#options.deep) {
      const read = await hashFile(path).catch(notThere);
      if (read) this.#compare(link, read);
      return read !== null;
    }
    const found = await stat(path).catch(notThere);
    if (found?.size === link.bytes) this.#good(link);
    else if (found) this.#changed.push({ link, read: null });
    return found !== null;
  }

  async #archived(link: SegmentLink, row: SegmentRow): Promise<void> {
    const copy = await this.archive.read(row);
    if (copy.kind === 'broken') this.#broken.push({ link, text: copy.text });
    else if (copy.kind === 'read' && this.#compare(link, copy.file)) this.archive.counts.good += 1;
  }

  /** Whether it is what was recorded. */
  #compare(link: SegmentLink, read: FileHash): boolean {
    if (!sameBytes(read.hash, link.hash)) {
      this.#changed.push({ link, read });
      return false;
    }
    const at = read.groups[0]?.at ?? link.start;
    if (Math.abs(at - link.start) > MAX_NAME_SHIFT_MS) this.#add('wrong-time', link, `The file says that it begins at ${iso(at)}.`);
    this.#good(link);
    return true;
  }

  #good(link: SegmentLink): void {
    this.counts.good += 1;
    if (link.found) this.counts.found += 1;
    this.counts.bytes += link.bytes;
  }

  /** Files that the chain does not know, or says are gone. */
  async #lookForOthers(): Promise<void> {
    const { folders, camera, now } = this.#options;
    for (const { root, present } of folders) {
      if (!present) continue;
      for (const day of await list(join(root, cameraFolder(camera.id)))) {
        const begin = Date.parse(`${day}T00:00:00Z`);
        if (!/^\d{4}-\d\d-\d\d$/.test(day) || begin >= this.#to || begin + DAY_MS <= this.#from) continue;
        for (const name of await list(join(root, cameraFolder(camera.id), day))) {
          const said = readSegmentName(name);
          if (!said || said.start < this.#from || said.start >= this.#to) continue;
          const path = join(root, cameraFolder(camera.id), day, name);
          const seq = this.#chain.index.find(said.start);
          const link = seq === null ? null : (await this.#links.at(seq))?.link;
          if (link?.kind === 'segment' && link.origin === said.origin) continue;
          // On its way out: the chain and the index know it as removed, its file follows.
          if (this.#chain.index.wasRemoved(said.start)) continue;
          if (said.start < this.#chain.since) this.counts.unproven += 1;
          else if (now - (await modified(path)) > OPEN_MS) this.#unknown.push({ start: said.start, file: path });
        }
      }
    }
  }

  /** What changed while it was looked at is no finding: the app may be recording and deleting. */
  async #tell(): Promise<void> {
    const { dataDir, camera } = this.#options;
    this.#missing.sort((a, b) => a.start - b.start);
    for (const list of [this.#broken, this.#changed]) list.sort((a, b) => a.link.start - b.link.start);
    const doubtful = this.#missing.length + this.#broken.length + this.#changed.length + this.#unknown.length > 0;
    const now = doubtful
      ? (await readChain({ dataDir, camera: camera.id, findings: new Findings(camera.id), ask: [], everySignature: false })).index
      : this.#chain.index;
    for (const link of this.#missing)
      if (now.find(link.start) === link.seq) this.#add('missing', link, 'Its file is gone, and nobody said that it was removed.');
    for (const { link, text } of this.#broken) if (now.find(link.start) === link.seq) this.#add('archive-copy', link, text);
    for (const { start, file } of this.#unknown)
      if (now.find(start) === null && !now.wasRemoved(start) && (await isThere(file)))
        this.#findings.add('unknown-file', `The chain does not know ${file}.`, { from: start });
    const others = await this.#ownersOf(this.#changed.flatMap(({ read }) => (read ? [read.hash] : [])));
    for (const { link, read } of this.#changed) {
      if (now.find(link.start) !== link.seq) continue;
      const other = read && others.get(Buffer.from(read.hash).toString('hex'));
      if (other !== null && other !== undefined) this.#add('moved', link, `Its file is the recording of ${iso(other)}.`);
      else this.#add('changed', link, read === null ? 'Its file has another size.' : 'Its file is not what was recorded.');
    }
  }

  /** Starts of the segments that these files were recorded as, by the hash in hex. */
  async #ownersOf(hashes: readonly Uint8Array[]): Promise<ReadonlyMap<string, number>> {
    const wanted = new Set(hashes.slice(0, 10_000).map((hash) => Buffer.from(hash).toString('hex')));
    const owners = new Map<string, number>();
    if (wanted.size === 0) return owners;
    for (const { seq } of this.#chain.index.owed(0, Number.MAX_SAFE_INTEGER)) {
      const link = (await this.#links.at(seq))?.link;
      const hash = link?.kind === 'segment' ? Buffer.from(link.hash).toString('hex') : '';
      if (link?.kind === 'segment' && wanted.has(hash)) owners.set(hash, link.start);
    }
    return owners;
  }

  #add(kind: Finding['kind'], link: SegmentLink, text: string): void {
    this.#findings.add(kind, text, { from: link.start, to: link.end, link: link.seq });
  }
}

const iso = (at: number): string => new Date(at).toISOString();

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(notThere)) !== null;
}

function notThere(error: unknown): null {
  if (errnoOf(error) === 'ENOENT') return null;
  throw error;
}

async function modified(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.mtimeMs ?? Infinity;
}

async function list(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}
