import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../electron/base/errors.ts';
import type { Log } from '../../electron/base/log.ts';
import { syncFolder } from '../../electron/segment/disk.ts';
import { cameraFolder, readSegmentName, segmentFile } from '../../electron/segment/names.ts';
import { scanSegment } from '../../electron/segment/segment-scan.ts';
import type { SpoolEntry } from './catalog.ts';
import { appendJournal, JOURNAL_FILE, readJournal } from './journal.ts';

/** Where the files of one camera's spool are, and how they are read, mended and deleted. */
export class SpoolFiles {
  /** Of this camera alone: several may share the folder that they were told. */
  readonly folder: string;
  readonly #root: string;
  readonly #camera: string;

  constructor(root: string, camera: string) {
    this.#root = root;
    this.#camera = camera;
    this.folder = join(root, cameraFolder(camera));
  }

  path(key: number): string {
    return join(this.#root, segmentFile(this.#camera, key));
  }

  /** Files that the journals know, and those of which they know nothing, or something else. */
  async list(): Promise<{ readonly known: readonly SpoolEntry[]; readonly unknown: readonly number[] }> {
    const known: SpoolEntry[] = [];
    const unknown: number[] = [];
    for (const day of (await namesIn(this.folder)).filter((name) => /^\d{4}-\d{2}-\d{2}$/.test(name)).sort()) {
      const folder = join(this.folder, day);
      const journal = await readJournal(folder);
      for (const name of await namesIn(folder)) {
        const said = readSegmentName(name);
        if (!said || said.origin !== 'live' || this.path(said.start) !== join(folder, name)) continue;
        const entry = journal.get(said.start);
        const { size } = await stat(join(folder, name));
        if (entry?.bytes === size) known.push(entry);
        else unknown.push(said.start);
      }
    }
    return { known, unknown };
  }

  /** Cuts the torn end off, and says what the file holds; null: not one picture, and it is put aside. */
  async mend(key: number, log: Log): Promise<SpoolEntry | null> {
    const path = this.path(key);
    const { segment, wholeBytes, fileBytes } = await scanSegment(path, key);
    if (!segment) {
      await rename(path, `${path}.empty`);
      log.warn('a file of the spool without one whole picture was put aside', { file: `${path}.empty`, bytes: fileBytes });
      return null;
    }
    const file = await open(path, 'r+');
    try {
      if (wholeBytes < fileBytes) await file.truncate(wholeBytes);
      await file.datasync();
    } finally {
      await file.close();
    }
    await syncFolder(dirname(path));
    if (wholeBytes < fileBytes) log.info('the torn end of a file of the spool was cut off', { file: path, bytes: fileBytes - wholeBytes });
    return { key, end: segment.end, bytes: wholeBytes, hash: await this.hash(key), clock: null };
  }

  async hash(key: number): Promise<Buffer> {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(this.path(key), { highWaterMark: 256 * 1024 })) hash.update(chunk as Buffer);
    return hash.digest();
  }

  /** Fewer bytes where the file ends. */
  async read(key: number, offset: number, length: number): Promise<Buffer> {
    const file = await open(this.path(key), 'r');
    try {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await file.read(buffer, 0, length, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  async note(entry: SpoolEntry): Promise<void> {
    await appendJournal(dirname(this.path(entry.key)), entry);
  }

  /** With its day's folder where nothing else is left in that. */
  async remove(key: number): Promise<void> {
    const folder = dirname(this.path(key));
    await rm(this.path(key), { force: true });
    const left = await namesIn(folder);
    if (left.some((name) => name !== JOURNAL_FILE)) return;
    await rm(join(folder, JOURNAL_FILE), { force: true });
    // Somebody else's file, or a new one of ours, keeps it.
    await rmdir(folder).catch(() => {});
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
