import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, readdir, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeFolder } from '../base/folder.ts';
import type { SpoolFile } from '../../peer/session/bulk-server.ts';

const note = z.object({ bytes: z.number().int().min(1), hash: z.string().regex(/^[0-9a-f]{64}$/) });

/** Parts of files that are fetched later. */
const MAX_OTHERS = 4;

/**
 * A file of a camera's spool as far as it has come: `KEY.part`, and beside it `KEY.json`, which says what it is to become. Whoever is
 * killed in between goes on behind what is there; what the power took is found by the hash.
 */
export class PartFile {
  readonly path: string;
  readonly #note: string;
  readonly #file: SpoolFile;
  readonly #handle: FileHandle;
  #bytes: number;

  private constructor(folder: string, file: SpoolFile, handle: FileHandle, bytes: number) {
    this.path = join(folder, `${file.key}.part`);
    this.#note = join(folder, `${file.key}.json`);
    this.#file = file;
    this.#handle = handle;
    this.#bytes = bytes;
  }

  /** Begins anew where nothing is there, or what is there is of another file. @throws the system call's error */
  static async open(folder: string, file: SpoolFile): Promise<PartFile> {
    makeFolder(folder);
    await makeRoom(folder, file.key);
    const hash = file.hash.toString('hex');
    const notePath = join(folder, `${file.key}.json`);
    const known = await readNote(notePath);
    const goesOn = known?.hash === hash && known.bytes === file.bytes;
    const path = join(folder, `${file.key}.part`);
    if (!goesOn) {
      await rm(path, { force: true });
      const handle = await open(notePath, 'w', 0o600);
      try {
        await handle.writeFile(JSON.stringify({ bytes: file.bytes, hash }));
      } finally {
        await handle.close();
      }
    }
    const handle = await open(path, 'a', 0o600);
    const { size } = await handle.stat();
    if (size > file.bytes) await handle.truncate(0);
    return new PartFile(folder, file, handle, size > file.bytes ? 0 : size);
  }

  /** What has come. */
  get bytes(): number {
    return this.#bytes;
  }

  get isWhole(): boolean {
    return this.#bytes === this.#file.bytes;
  }

  async append(bytes: Uint8Array): Promise<void> {
    // All of it, or the system's error; then the file is as long as it is, and is looked at anew.
    await this.#handle.appendFile(bytes);
    this.#bytes += bytes.length;
  }

  /** Whether all has come and is what it is to be, byte for byte. */
  async isTrue(): Promise<boolean> {
    if (!this.isWhole) return false;
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(this.path, { highWaterMark: 256 * 1024 })) hash.update(chunk as Buffer);
    return hash.digest().equals(this.#file.hash);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
    await rm(this.#note, { force: true });
  }
}

/** Takes away all parts: nothing will come of them any more. */
export async function clearParts(folder: string): Promise<void> {
  for (const key of await keysIn(folder)) await removeParts(folder, key);
}

/** Leaves this file's part and those of MAX_OTHERS others, the newest: however often a camera is cut off, the disk does not fill with pieces. */
async function makeRoom(folder: string, own: number): Promise<void> {
  const others = (await keysIn(folder)).filter((key) => key !== own);
  if (others.length <= MAX_OTHERS) return;
  const aged = await Promise.all(
    others.map(async (key) => ({
      key,
      at: await stat(join(folder, `${key}.part`)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    })),
  );
  for (const { key } of aged.sort((a, b) => b.at - a.at).slice(MAX_OTHERS)) await removeParts(folder, key);
}

async function keysIn(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  return [...new Set(names.flatMap((name) => /^(\d+)\.(?:part|json)$/.exec(name)?.[1] ?? []))].map(Number);
}

async function removeParts(folder: string, key: number): Promise<void> {
  for (const kind of ['part', 'json']) await rm(join(folder, `${key}.${kind}`), { force: true });
}

async function readNote(path: string): Promise<z.infer<typeof note> | null> {
  try {
    return note.safeParse(JSON.parse(await readFile(path, 'utf8'))).data ?? null;
  } catch {
    // None, or a torn one: then it is begun anew.
    return null;
  }
}
