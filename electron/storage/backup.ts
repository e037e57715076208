import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { utcMs } from '../base/units.ts';
import { DEFAULT_RECORDING } from '../contract/model.ts';
import type { CameraRow } from './interface.ts';
import { BACKUP_FILE } from './layout.ts';
import type { SqlDatabase, SqlValue } from './sql.ts';

/*
 * What cannot be derived from the recordings: the cameras (with their sealed secrets) and the settings. They are copied to
 * a small file at each change, so that a broken database costs no pairing. The file is replaced whole: written beside,
 * fsynced, renamed.
 */
export interface Irreplaceable {
  readonly cameras: readonly (CameraRow & { readonly key: number })[];
  readonly settings: readonly { readonly key: string; readonly value: string }[];
}

export function writeBackup(dataDir: string, kept: Irreplaceable): void {
  const cameras = kept.cameras.map((camera) => ({ ...camera, source: Buffer.from(camera.source).toString('base64') }));
  const path = join(dataDir, BACKUP_FILE);
  const fd = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeFileSync(fd, JSON.stringify({ version: 1, cameras, settings: kept.settings }, null, 1));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${path}.new`, path);
}

/** Null when there is none or it cannot be understood. */
export function readBackup(dataDir: string): Irreplaceable | null {
  try {
    const parsed: unknown = JSON.parse(readFileSync(join(dataDir, BACKUP_FILE), 'utf8'));
    if (!isRecord(parsed) || !Array.isArray(parsed['cameras']) || !Array.isArray(parsed['settings'])) return null;
    return { cameras: parsed['cameras'].filter(isRecord).map(cameraOf), settings: parsed['settings'].filter(isRecord).map(settingOf) };
  } catch {
    return null;
  }
}

/** What a broken database still gives. Null when the pages that hold it are broken too. */
export function readIrreplaceable(db: SqlDatabase): Irreplaceable | null {
  try {
    const cameras = db.prepare('SELECT * FROM camera ORDER BY key').all() as Record<string, unknown>[];
    const settings = db.prepare('SELECT key, value FROM setting').all() as Record<string, unknown>[];
    return {
      cameras: cameras.map((row) =>
        cameraOf({
          ...row,
          createdAt: row['created_ms'],
          removedAt: row['removed_ms'],
          sourceKind: row['source_kind'],
          relayBudget: row['relay_budget'],
          recording: JSON.parse(String(row['recording'] ?? 'null')),
        }),
      ),
      settings: settings.map(settingOf),
    };
  } catch {
    return null;
  }
}

/** Into a new database, or one restored from an older copy: these are the newest. The cameras keep their integer keys. */
export function restore(db: SqlDatabase, kept: Irreplaceable): void {
  const camera = db.prepare(
    'INSERT INTO camera (key, id, name, created_ms, removed_ms, source_kind, source, relay_budget, recording) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const setting = db.prepare('INSERT INTO setting (key, value) VALUES (?, ?)');
  db.transaction(() => {
    db.exec('DELETE FROM camera; DELETE FROM setting');
    for (const row of kept.cameras) {
      const { key, id, name, createdAt, removedAt, sourceKind, source, relayBudget, recording } = row;
      const values: SqlValue[] = [key, id, name, createdAt, removedAt, sourceKind, source, relayBudget, JSON.stringify(recording)];
      camera.run(...values);
    }
    for (const row of kept.settings) setting.run(row.key, row.value);
  })();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Throws on anything that is not a camera: half a backup is not restored. */
function cameraOf(row: Record<string, unknown>): CameraRow {
  // A backup or database of an older format has neither budget nor settings of the recording.
  const { key, id, name, createdAt, removedAt, sourceKind, source, relayBudget = null, recording = null } = row;
  if (typeof key !== 'number' || typeof id !== 'string' || !/^[a-z0-9-]{1,64}$/.test(id) || typeof name !== 'string')
    throw new Error('not a camera');
  if (typeof createdAt !== 'number' || (removedAt !== null && typeof removedAt !== 'number')) throw new Error('not a camera');
  if (relayBudget !== null && typeof relayBudget !== 'number') throw new Error('not a camera');
  if (sourceKind !== 'p2p' && sourceKind !== 'rtsp') throw new Error('not a camera');
  const bytes = typeof source === 'string' ? Buffer.from(source, 'base64') : source;
  if (!(bytes instanceof Uint8Array)) throw new Error('not a camera');
  return {
    key,
    id,
    name,
    createdAt: utcMs(createdAt),
    removedAt: removedAt === null ? null : utcMs(removedAt),
    sourceKind,
    source: new Uint8Array(bytes),
    relayBudget,
    recording: { ...DEFAULT_RECORDING, ...(isRecord(recording) ? recording : {}) },
  };
}

function settingOf(row: Record<string, unknown>): { key: string; value: string } {
  const { key, value } = row;
  if (typeof key !== 'string' || typeof value !== 'string') throw new Error('not a setting');
  return { key, value };
}
