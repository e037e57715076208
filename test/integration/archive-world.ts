import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { Archive } from '../../electron/archive/archive.ts';
import { systemClock, type Clock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs, type UtcMs } from '../../electron/base/units.ts';
import type { NewArchiveTarget } from '../../electron/contract/archive.ts';
import { loadKeyFile } from '../../electron/host/key-file.ts';
import { Playback } from '../../electron/playback/playback.ts';
import { StorageFolders } from '../../electron/recording/folders.ts';
import { writeMarker } from '../../electron/recording/marker.ts';
import { Storage } from '../../electron/storage/client.ts';
import { S3_KEYS, type S3Server } from '../fakes/s3-server.ts';
import { seedFootage } from '../fakes/seeded-footage.ts';

export const CAMERA = 'cam-seededaa';
export const T0 = Date.UTC(2026, 10, 23, 10, 0, 0);
/** Two spans with a gap between them: SEGMENTS segments. */
export const SPANS = [
  { from: T0, to: T0 + 150_000 },
  { from: T0 + 200_000, to: T0 + 290_000 },
];
export const SEGMENTS = 6;
/** Times at which there is a picture. */
export const TIMES = [5, 61, 119, 145, 205, 280].map((seconds) => utcMs(T0 + seconds * 1000));

/** Footage made once, copied for each test. */
export async function seededFolder(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'keyhole-archive-seed-'));
  await seedFootage(dataDir, SPANS);
  await writeMarker(dataDir, { id: 'archive-world', folder: 0 });
  return dataDir;
}

/** One installation: storage, archive and playback over a data folder of its own. */
export class Installation {
  readonly dataDir: string;
  readonly storage: Storage;
  readonly archive: Archive;
  readonly playback: Playback;
  readonly folders: StorageFolders;

  private constructor(dataDir: string, storage: Storage, archive: Archive, folders: StorageFolders) {
    this.dataDir = dataDir;
    this.storage = storage;
    this.archive = archive;
    this.folders = folders;
    this.playback = new Playback({ storage, folders, clock: systemClock, unlisted: () => [], remote: archive.reader });
  }

  /** @param from the folder whose content it begins with; none: an empty one */
  static async open(from: string | null, options: { behind?: () => boolean; clock?: Clock } = {}): Promise<Installation> {
    const dataDir = mkdtempSync(join(tmpdir(), 'keyhole-archive-'));
    if (from !== null) cpSync(from, dataDir, { recursive: true });
    return Installation.over(dataDir, options);
  }

  static async over(dataDir: string, { behind = () => false, clock = systemClock }: { behind?: () => boolean; clock?: Clock } = {}) {
    const storage = await Storage.open({ dataDir, log: silentLog });
    const folders = new StorageFolders(dataDir);
    const dataKey = await loadKeyFile(dataDir);
    const archive = await Archive.open({ storage, dataKey, folders, clock, log: silentLog, behind });
    return new Installation(dataDir, storage, archive, folders);
  }

  async rows() {
    const camera = await this.storage.call('camera', { id: CAMERA });
    if (!camera) return [];
    return this.storage.call('segmentsWithKeyframes', { camera: camera.key, from: utcMs(0), to: utcMs(8e15) });
  }

  /** Copies until nothing waits. */
  async copyAll(): Promise<void> {
    this.archive.start();
    await vi.waitFor(
      async () => {
        const { waitingSegments, error, segments } = await this.archive.status();
        if (error) throw new Error(error.text);
        if (waitingSegments > 0 || segments < (await this.rows()).length) throw new Error(`${waitingSegments} wait`);
      },
      { timeout: 30_000, interval: 50 },
    );
  }

  /** As retention does it: the files go, the rows say that only the archive has them. */
  async loseFiles(): Promise<void> {
    const rows = await this.rows();
    for (const { camera, start } of rows) await this.storage.call('loseSegments', { camera, folder: 0, starts: [start], text: 'gone' });
    rmSync(join(this.dataDir, 'recordings', CAMERA), { recursive: true, force: true });
  }

  /** What a viewer gets at these times: pictures, or why not. */
  async pictures(times: readonly UtcMs[] = TIMES) {
    const all = [];
    for (const at of times) {
      const { value, bytes } = await this.playback.gop({ camera: CAMERA, at });
      all.push({ value, bytes: Buffer.from(bytes).toString('base64') });
    }
    return all;
  }

  /** The same data folder, opened anew: what was in memory is gone. */
  async reopened(): Promise<Installation> {
    await this.close();
    return Installation.over(this.dataDir);
  }

  async close(): Promise<void> {
    await this.archive.close();
    await this.storage.close();
  }

  async remove(): Promise<void> {
    await this.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

export function s3Target(server: S3Server, prefix = '', more: Partial<Extract<NewArchiveTarget, { kind: 's3' }>> = {}): NewArchiveTarget {
  return { kind: 's3', endpoint: server.endpoint, region: 'us-east-1', bucket: 'footage', prefix, pathStyle: true, ...S3_KEYS, ...more };
}

export function folderTarget(): Extract<NewArchiveTarget, { kind: 'folder' }> {
  return { kind: 'folder', path: mkdtempSync(join(tmpdir(), 'keyhole-archive-disk-')) };
}

/** Paths of all objects below an archive's folder. */
export function objectFiles(path: string): string[] {
  mkdirSync(path, { recursive: true });
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.sealed'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Footage on both sides of a border of segments, as one file. */
export async function clipOf(home: Installation): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of home.playback.clip({ camera: CAMERA, from: utcMs(T0 + 30_000), to: utcMs(T0 + 210_000) })) pieces.push(piece);
  return Buffer.concat(pieces);
}
