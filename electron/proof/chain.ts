import { mkdir, open, truncate, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Identity } from '../../peer/identity.ts';
import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import type { CameraId } from '../contract/model.ts';
import { syncFolder } from '../segment/disk.ts';
import { chainFileName, chainFiles, recordsOf, type ChainFile, type ReadRecord } from './chain-files.ts';
import {
  LINK_BYTES,
  linkHash,
  nextPrev,
  NO_LINK,
  readLink,
  sameBytes,
  signatureHolds,
  signLink,
  type Link,
  type LinkContent,
} from './link.ts';

/** A file takes no more: 42 MB. A month of 10 s segments has 270 000 links. */
const MAX_FILE_LINKS = 200_000;
/** Links that wait for the disk; more are refused. */
const MAX_WAITING = 10_000;
/** Written and synced together. */
const BATCH = 512;

export interface ChainHead {
  readonly seq: number;
  readonly hash: Uint8Array;
}

interface Waiting {
  readonly content: LinkContent;
  resolve(link: Link): void;
  reject(error: unknown): void;
}

interface OpenChainFile {
  readonly handle: FileHandle;
  readonly path: string;
  readonly month: number;
  links: number;
}

type SigningKey = Pick<Identity, 'publicKey' | 'sign'>;

/** One camera's chain, open for writing: links are appended and synced, never changed. */
export class Chain {
  readonly camera: CameraId;
  readonly folder: string;
  readonly #key: SigningKey;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #work: Promise<void> | null = null;
  #file: OpenChainFile | null = null;
  #seq = -1;
  #prev: Uint8Array = NO_LINK;
  #since = 0;
  #foreign = false;
  #closed = false;

  private constructor(folder: string, camera: CameraId, key: SigningKey, clock: Clock) {
    this.folder = folder;
    this.camera = camera;
    this.#key = key;
    this.#clock = clock;
  }

  /**
   * Cuts what a crash tore; begins the chain where there is none.
   * @param since footage from then on is owed a link, UTC milliseconds
   */
  static async open(args: { folder: string; camera: CameraId; key: SigningKey; clock: Clock; since: number }): Promise<Chain> {
    const { folder, camera, key, clock, since } = args;
    const chain = new Chain(folder, camera, key, clock);
    await mkdir(folder, { recursive: true });
    await syncFolder(dirname(folder));
    const files = await wholeFiles(folder);
    const newest = files.at(-1);
    const first = await firstOf(files[0]);
    const last = newest && (await lastOf(newest));
    if (!newest || !last?.link) {
      chain.#since = since;
      await chain.append({ kind: 'begun', since, key: key.publicKey });
      return chain;
    }
    chain.#seq = last.link.seq;
    chain.#prev = nextPrev(camera, last.record, last.link);
    chain.#since = first?.kind === 'begun' || first?.kind === 'summary' ? first.since : 0;
    const begun = await firstOf(newest);
    if (last.link.kind !== 'summary')
      chain.#file = { handle: await open(newest.path, 'r+'), path: newest.path, month: monthOf(begun?.at ?? 0), links: newest.links };
    if (!signatureHolds(camera, last.record, key.publicKey)) {
      const before = first?.kind === 'begun' || first?.kind === 'summary' ? first.key : NO_LINK;
      chain.#foreign = sameBytes(before, key.publicKey);
      await chain.append({ kind: 'identity', key: key.publicKey, before });
    }
    return chain;
  }

  get head(): ChainHead {
    return { seq: this.#seq, hash: this.#prev };
  }

  /** When it was opened its end was signed by another key, though this one had begun it: not by this app. */
  get foreign(): boolean {
    return this.#foreign;
  }

  /** Footage that began before is not owed a link. */
  get since(): number {
    return this.#since;
  }

  /** Resolves with the link when it is on the disk. Links are written in the order of the calls, those that wait together at once. */
  append(content: LinkContent): Promise<Link> {
    if (this.#closed) return Promise.reject(new CodedError('closed', 'The chain of proofs is closed.'));
    if (this.#waiting.length >= MAX_WAITING)
      return Promise.reject(new CodedError('too-busy', 'The disk is behind with the proofs: try again in a moment.'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ content, resolve, reject });
      this.#work ??= this.#drain();
    });
  }

  /** Writes what waits. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#work;
    await this.#file?.handle.close();
    this.#file = null;
  }

  async #drain(): Promise<void> {
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        const links = await this.#write(batch.map(({ content }) => content));
        for (const [i, { resolve }] of batch.entries()) resolve(links[i] as Link);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#work = null;
  }

  async #write(contents: readonly LinkContent[]): Promise<Link[]> {
    const at = Math.max(0, Math.round(this.#clock.now()));
    let { seq, hash: prev }: ChainHead = this.head;
    const records: Uint8Array[] = [];
    for (const content of contents) {
      seq += 1;
      const record = signLink(this.camera, { seq, at, prev }, content, (message) => this.#key.sign(message));
      records.push(record);
      prev = linkHash(this.camera, record);
    }
    await this.#rotate(at);
    const file = (this.#file ??= await this.#newFile(at));
    const bytes = Buffer.concat(records);
    const position = file.links * LINK_BYTES;
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await file.handle.write(bytes, done, bytes.length - done, position + done);
        if (bytesWritten === 0) throw Object.assign(new Error('the disk takes no more'), { code: 'ENOSPC' });
        done += bytesWritten;
      }
      await file.handle.datasync();
    } catch (error) {
      await file.handle.truncate(position).catch(() => {});
      throw error;
    }
    file.links += records.length;
    this.#seq = seq;
    this.#prev = prev;
    return records.map((record) => readLink(record) as Link);
  }

  /** A new file each month: an old one whose segments are all gone can be replaced by its summary. A clock that was set back begins none. */
  async #rotate(at: number): Promise<void> {
    const file = this.#file;
    if (!file || file.links === 0 || (monthOf(at) <= file.month && file.links < MAX_FILE_LINKS)) return;
    this.#file = null;
    await file.handle.close();
  }

  async #newFile(at: number): Promise<OpenChainFile> {
    const path = join(this.folder, chainFileName(this.#seq + 1));
    const handle = await open(path, 'w');
    await syncFolder(this.folder);
    return { handle, path, month: monthOf(at), links: 0 };
  }
}

/** The files without what a crash left of them: torn links, empty files, and files that a summary stands for. */
async function wholeFiles(folder: string): Promise<ChainFile[]> {
  const files: ChainFile[] = [];
  let summed = -1;
  for (const file of await chainFiles(folder)) {
    const first = await firstOf(file);
    if (file.first <= summed) await unlink(file.path);
    else files.push(file);
    if (first?.kind === 'summary') summed = first.seq;
  }
  for (let last = files.pop(); last; last = files.pop()) {
    let { links } = last;
    while (links > 0 && !(await lastOf({ ...last, links }))?.link) links -= 1;
    if (links === 0) {
      await unlink(last.path);
      continue;
    }
    await truncate(last.path, links * LINK_BYTES);
    files.push({ ...last, links });
    return files;
  }
  return files;
}

async function firstOf(file: ChainFile | undefined): Promise<Link | null> {
  if (file) for await (const { link } of recordsOf(file)) return link;
  return null;
}

async function lastOf(file: ChainFile): Promise<ReadRecord | null> {
  for await (const found of recordsOf(file, file.links - 1)) return found;
  return null;
}

/** Months since the year 0, UTC. */
function monthOf(at: number): number {
  const date = new Date(at);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

export const sameHead = (a: ChainHead, b: ChainHead): boolean => a.seq === b.seq && sameBytes(a.hash, b.hash);
