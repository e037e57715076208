import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import type { CameraId } from '../contract/model.ts';
import { LINK_BYTES, readLink, type Link } from './link.ts';

/** Inside the data folder: a folder for each camera. */
export const PROOFS_DIR = 'proofs';
/** Links read at once: 208 KB. */
const READ_LINKS = 1_024;

export function chainFolder(dataDir: string, camera: CameraId): string {
  return join(dataDir, PROOFS_DIR, camera);
}

/** A file of links; named after the number of its first one. */
export interface ChainFile {
  readonly path: string;
  readonly first: number;
  /** Whole links in it; a torn end is not counted. */
  readonly links: number;
}

export function chainFileName(first: number): string {
  return `${String(first).padStart(12, '0')}.chain`;
}

/** In the order of their links; none where there is no folder. */
export async function chainFiles(folder: string): Promise<ChainFile[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
  const files: ChainFile[] = [];
  for (const name of names.sort()) {
    const match = /^(\d{12})\.chain$/.exec(name);
    if (!match) continue;
    const path = join(folder, name);
    files.push({ path, first: Number(match[1]), links: Math.floor((await stat(path)).size / LINK_BYTES) });
  }
  return files;
}

export interface ReadRecord {
  readonly record: Uint8Array;
  /** Null for bytes that are no link. */
  readonly link: Link | null;
}

/** Every whole record of the file from the `skip`th on, in order; 208 KB are held at a time. */
export async function* recordsOf(file: ChainFile, skip = 0): AsyncGenerator<ReadRecord> {
  const handle = await open(file.path, 'r');
  try {
    for (let at = skip; at < file.links;) {
      const buffer = Buffer.alloc(Math.min(READ_LINKS, file.links - at) * LINK_BYTES);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at * LINK_BYTES);
      const whole = Math.floor(bytesRead / LINK_BYTES);
      for (let i = 0; i < whole; i++) {
        const record = buffer.subarray(i * LINK_BYTES, (i + 1) * LINK_BYTES);
        yield { record, link: readLink(record) };
      }
      at += whole;
      if (whole === 0) return;
    }
  } finally {
    await handle.close();
  }
}

/** Reads links by their number; those near each other cost one read. Holds 208 KB. */
export class LinkReader {
  readonly #files: readonly ChainFile[];
  #block: { readonly file: ChainFile; readonly skip: number; readonly bytes: Buffer } | null = null;

  constructor(files: readonly ChainFile[]) {
    this.#files = files;
  }

  /** Null when no file holds it: it never was, or a summary stands for it (but for the last one that it stands for). */
  async at(seq: number): Promise<ReadRecord | null> {
    const file = this.#files.findLast(({ first }) => first <= seq);
    if (!file) return null;
    const index = Math.min(seq - file.first, file.links - 1);
    const found = await this.#record(file, index);
    return found?.link?.seq === seq ? found : null;
  }

  async #record(file: ChainFile, index: number): Promise<ReadRecord | null> {
    const skip = index - (index % READ_LINKS);
    let block = this.#block;
    if (block?.file !== file || block.skip !== skip) {
      const bytes = Buffer.alloc(Math.min(READ_LINKS, file.links - skip) * LINK_BYTES);
      const handle = await open(file.path, 'r');
      try {
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, skip * LINK_BYTES);
        block = { file, skip, bytes: bytes.subarray(0, bytesRead) };
      } finally {
        await handle.close();
      }
      this.#block = block;
    }
    const record = block.bytes.subarray((index - skip) * LINK_BYTES, (index - skip + 1) * LINK_BYTES);
    return record.length === LINK_BYTES ? { record, link: readLink(record) } : null;
  }
}
