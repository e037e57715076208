import { open, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CodedError } from '../../electron/base/errors.ts';
import { makeFolder } from '../../electron/base/folder.ts';
import { nodeDisk, syncFolder, type SegmentDisk } from '../../electron/segment/disk.ts';
import { exists, MountedDisk } from '../../electron/segment/mounted-disk.ts';
import { cameraFolder } from '../../electron/segment/names.ts';

/** In the camera's own folder: it is there whenever the spool's disk is. */
const MARK_FILE = 'keyhole-spool.json';

/** Folders that carry the camera's mark: kept elsewhere than on their disks. */
export interface MarkedFolders {
  has(folder: string): boolean;
  add(folder: string): unknown;
}

/**
 * Tells a spool whose disk is not mounted, which shows an empty folder, from one that is new: that one is marked when it is used first,
 * and never again.
 */
export class SpoolMark {
  /** For what is written: makes no folder where the mark is not. */
  readonly disk: SegmentDisk;
  readonly #root: string;
  readonly #folder: string;
  readonly #path: string;
  readonly #marked: MarkedFolders;

  constructor(root: string, camera: string, marked: MarkedFolders) {
    this.#root = resolve(root);
    this.#folder = join(this.#root, cameraFolder(camera));
    this.#path = join(this.#folder, MARK_FILE);
    this.#marked = marked;
    this.disk = new MountedDisk(nodeDisk, { marker: this.#path, marked: () => true, missing: () => this.missing() });
  }

  /** Marks a folder that is used for the first time, readable by its owner only. @throws CodedError `disk-missing`; the system's error */
  async admit(): Promise<void> {
    if (!(await this.isThere())) {
      if (this.#marked.has(this.#folder)) throw this.missing();
      makeFolder(this.#folder);
      await this.#write();
    }
    if (!this.#marked.has(this.#folder)) this.#marked.add(this.#folder);
  }

  /** @throws the system's error, where it cannot be found out */
  isThere(): Promise<boolean> {
    return exists(this.#path);
  }

  missing(): CodedError {
    return new CodedError(
      'disk-missing',
      `The spool’s folder ${this.#root} is not connected: the mark that the camera left there is not to be seen. Connect its disk; to begin anew, name another folder with --spool.`,
    );
  }

  /** On the disk when it resolves. */
  async #write(): Promise<void> {
    const file = await open(`${this.#path}.new`, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify({ about: 'A camera of Keyhole keeps footage here; do not delete this file.' }) + '\n');
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${this.#path}.new`, this.#path);
    await syncFolder(this.#folder);
  }
}
