import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DiskFile, SegmentDisk } from '../../electron/segment/disk.ts';

const PAGE = 4_096;
const SECTOR = 512;

/** What a file has been through since the last time it was made safe. */
interface Inode {
  bytes: Uint8Array;
  durable: Uint8Array;
}

type Change =
  | { readonly kind: 'make'; readonly path: string; readonly inode: number }
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string };

type Operation =
  | Change
  | { readonly kind: 'write'; readonly inode: number; readonly position: number; readonly data: Uint8Array }
  | { readonly kind: 'truncate'; readonly inode: number; readonly bytes: number }
  | { readonly kind: 'datasync'; readonly inode: number }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'syncFolder'; readonly path: string }
  /** Something that the test wants to find again: a frame that was handed over, a row that was committed. */
  | { readonly kind: 'mark'; readonly mark: unknown };

/**
 * A disk that remembers each operation and keeps no promise that it was not asked for: at any point of its history it can be asked what a
 * power cut there may have left. Bytes that were not synced are there or not, page by page, the last one torn; a file may have grown by
 * zeros; names whose folder was not synced are there or not. Nothing of it reaches a real disk before `leave`.
 */
export class VolatileDisk implements SegmentDisk {
  readonly history: Operation[] = [];
  readonly #root: string;
  #inodes = 0;
  readonly #names = new Map<string, number>();
  readonly #folders = new Set<string>();

  /** @param root what is above all of it, and there already */
  constructor(root: string) {
    this.#root = root;
  }

  mark(mark: unknown): void {
    this.history.push({ kind: 'mark', mark });
  }

  async open(path: string, as: 'new' | 'existing'): Promise<DiskFile> {
    let inode = this.#names.get(path);
    if (as === 'new') {
      if (inode !== undefined) throw Object.assign(new Error('EEXIST'), { code: 'EEXIST' });
      inode = this.#inodes++;
      this.#names.set(path, inode);
      this.history.push({ kind: 'make', path, inode });
    }
    if (inode === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    const file = inode;
    return {
      writev: async (parts, position) => {
        const data = new Uint8Array(Buffer.concat(parts));
        this.history.push({ kind: 'write', inode: file, position, data });
        return data.length;
      },
      datasync: async () => void this.history.push({ kind: 'datasync', inode: file }),
      truncate: async (bytes) => void this.history.push({ kind: 'truncate', inode: file, bytes }),
      close: async () => {},
    };
  }

  async makeFolder(path: string): Promise<string | undefined> {
    // Free space is asked of the real one.
    await mkdir(path, { recursive: true });
    let first: string | undefined;
    for (let folder = path; folder !== this.#root && !this.#folders.has(folder); folder = dirname(folder)) first = folder;
    if (first === undefined) return undefined;
    for (let folder = path; folder !== this.#root && !this.#folders.has(folder); folder = dirname(folder)) {
      this.#folders.add(folder);
      this.history.push({ kind: 'folder', path: folder });
    }
    return first;
  }

  async unlink(path: string): Promise<void> {
    this.#names.delete(path);
    this.history.push({ kind: 'unlink', path });
  }

  async rename(from: string, to: string): Promise<void> {
    const inode = this.#names.get(from);
    if (inode === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    this.#names.delete(from);
    this.#names.set(to, inode);
    this.history.push({ kind: 'rename', path: from, to });
  }

  async syncFolder(path: string): Promise<void> {
    this.history.push({ kind: 'syncFolder', path });
  }

  /** Writes below `to` what a power cut behind the first `operations` of the history may leave of what is below the root. */
  leave(operations: number, to: string, random: () => number): void {
    const { inodes, names, pending, folders } = this.#replay(operations);
    // Names that nobody made safe: each change may have reached the disk or not.
    for (const change of pending) if (random() < 0.5) apply(names, change);
    for (const [path, inode] of names) {
      const state = inodes[inode];
      if (!state || !this.#reachable(path, folders, random)) continue;
      const target = join(to, path.slice(this.#root.length));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, afterCut(state, random));
    }
  }

  #replay(operations: number) {
    const inodes: Inode[] = [];
    const names = new Map<string, number>();
    const folders = new Map<string, 'safe' | 'new'>();
    let pending: Change[] = [];
    for (const operation of this.history.slice(0, operations)) {
      if (operation.kind === 'write' || operation.kind === 'truncate' || operation.kind === 'datasync') {
        const inode = inodes[operation.inode];
        if (inode) change(inode, operation);
      } else if (operation.kind === 'folder') folders.set(operation.path, 'new');
      else if (operation.kind === 'syncFolder') {
        for (const one of pending) if (dirname(one.path) === operation.path) apply(names, one);
        pending = pending.filter((one) => dirname(one.path) !== operation.path);
        for (const folder of folders.keys()) if (dirname(folder) === operation.path) folders.set(folder, 'safe');
      } else if (operation.kind !== 'mark') {
        if (operation.kind === 'make') inodes[operation.inode] = { bytes: new Uint8Array(), durable: new Uint8Array() };
        pending.push(operation);
      }
    }
    return { inodes, names, pending, folders };
  }

  #reachable(path: string, folders: Map<string, 'safe' | 'new'>, random: () => number): boolean {
    for (let folder = dirname(path); folder.length > this.#root.length; folder = dirname(folder)) {
      if (folders.get(folder) !== 'new') continue;
      if (random() < 0.5) return false;
      folders.set(folder, 'safe');
    }
    return true;
  }
}

function apply(names: Map<string, number>, change: Change): void {
  if (change.kind === 'make') names.set(change.path, change.inode);
  else if (change.kind === 'unlink') names.delete(change.path);
  else {
    const inode = names.get(change.path);
    if (inode === undefined) return;
    names.delete(change.path);
    names.set(change.to, inode);
  }
}

function change(inode: Inode, operation: Extract<Operation, { kind: 'write' | 'truncate' | 'datasync' }>): void {
  if (operation.kind === 'datasync') inode.durable = inode.bytes;
  else if (operation.kind === 'truncate') inode.bytes = inode.bytes.slice(0, operation.bytes);
  else {
    const bytes = new Uint8Array(Math.max(inode.bytes.length, operation.position + operation.data.length));
    bytes.set(inode.bytes);
    bytes.set(operation.data, operation.position);
    inode.bytes = bytes;
  }
}

/** Any length between what is safe and what was written; each page behind it written, not written or torn. */
function afterCut({ bytes, durable }: Inode, random: () => number): Uint8Array {
  const way = random();
  const longer = Math.max(0, bytes.length - durable.length);
  const length = way < 0.15 ? durable.length : way < 0.4 ? bytes.length : durable.length + Math.floor(random() * (longer + 1));
  const left = new Uint8Array(Math.max(length, Math.min(durable.length, bytes.length)));
  left.set(durable.subarray(0, left.length));
  for (let page = Math.floor(durable.length / PAGE) * PAGE; page < left.length; page += PAGE) {
    const from = Math.max(page, durable.length);
    const luck = random();
    const to = luck < 0.6 ? page + PAGE : luck < 0.8 ? from : page + Math.floor((random() * PAGE) / SECTOR) * SECTOR;
    if (to > from) left.set(bytes.subarray(from, Math.min(to, left.length)), from);
  }
  return left;
}
