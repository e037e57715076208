import { decodeKeyframes } from './keyframes.ts';
import { originOf } from './queries/segments.ts';
import type { NewSegment } from './interface.ts';
import type { SqlDatabase, SqlValue } from './sql.ts';
import { utcMs } from '../base/units.ts';

/** Of the index: listed anew from the files. Cameras and settings: readIrreplaceable. */
const DERIVED: ReadonlySet<string> = new Set(['segment', 'keyframes', 'span', 'segment_total', 'codec', 'camera', 'setting']);
/** What only the archive has is read out of the remains for so long, milliseconds: the cameras wait meanwhile. */
const ARCHIVED_WITHIN_MS = 20_000;

interface Column {
  readonly name: string;
  readonly type: string;
  readonly pk: number;
}

export interface SalvageReport {
  /** Rows that were read out of the remains. */
  readonly rows: number;
  /** Tables of which some rows could not be read. */
  readonly damaged: readonly string[];
}

/**
 * Brings over what no file says: reasons of gaps, when the app ran, events, what is protected, notes of deletion. A table that is read
 * to its end replaces what `into` has of it (from an older copy); of a damaged one, what is read from either end is added.
 */
export function salvage(broken: SqlDatabase, into: SqlDatabase): SalvageReport {
  const damaged: string[] = [];
  let rows = 0;
  const theirs = namesOf(broken);
  for (const table of tablesOf(into)) {
    if (DERIVED.has(table)) continue;
    const columns = common(columnsOf(broken, table), columnsOf(into, table));
    if (columns.length === 0) {
      if (!theirs || theirs.includes(table)) damaged.push(table);
      continue;
    }
    const read = readTable(broken, table, columns);
    if (!read.whole) damaged.push(table);
    rows += read.rows.length;
    into.transaction(() => {
      if (read.whole) into.exec(`DELETE FROM ${quoted(table)}`);
      const names = columns.map(({ name }) => quoted(name)).join(', ');
      const insert = into.prepare(`INSERT OR REPLACE INTO ${quoted(table)} (${names}) VALUES (${columns.map(() => '?').join(', ')})`);
      for (const row of read.rows) {
        try {
          insert.run(...row);
        } catch {
          // A row that is against a rule of its table was never written by us.
        }
      }
    })();
  }
  return { rows, damaged };
}

/** Rows of what the archive has, which the disk says nothing of. `passOver`: `into` knows it already, or has no such camera. Returns how many were added. */
export function salvageArchived(
  broken: SqlDatabase,
  { insert, passOver }: { readonly insert: (segment: NewSegment) => void; readonly passOver: (camera: number, start: number) => boolean },
): number {
  const until = performance.now() + ARCHIVED_WITHIN_MS;
  const seen = new Set<string>();
  for (const order of ['ASC', 'DESC']) {
    try {
      const rows = broken
        .prepare(
          `SELECT s.*, c.name AS codec_name, k.list FROM segment s JOIN codec c ON c.key = s.codec
           JOIN keyframes k ON k.camera = s.camera AND k.start_ms = s.start_ms
           WHERE s.archive IS NOT NULL ORDER BY s.camera ${order}, s.start_ms ${order}`,
        )
        .iterate() as Iterable<Record<string, SqlValue>>;
      for (const row of rows) {
        if (performance.now() > until) return seen.size;
        const segment = segmentOf(row);
        if (!segment || passOver(segment.camera, segment.start)) continue;
        insert(segment);
        seen.add(`${segment.camera}/${segment.start}`);
      }
      break;
    } catch {
      // Up to a damaged page: the rest is tried from the other end.
    }
  }
  return seen.size;
}

function segmentOf(row: Record<string, SqlValue>): NewSegment | null {
  const { camera, start_ms: start, duration_ms: duration, bytes, folder, archive, hash, list, codec_name: codec } = row;
  if (typeof camera !== 'number' || typeof start !== 'number' || typeof duration !== 'number' || typeof bytes !== 'number') return null;
  if (typeof archive !== 'number' || typeof codec !== 'string' || !(list instanceof Uint8Array)) return null;
  if (folder !== null && typeof folder !== 'number') return null;
  try {
    return {
      camera,
      start: utcMs(start),
      end: utcMs(start + duration),
      bytes,
      codec,
      keyframes: decodeKeyframes(start, list),
      folder: folder ?? null,
      origin: originOf(Number(row['origin'] ?? 0)),
      archive,
      hash: hash instanceof Uint8Array ? new Uint8Array(hash) : null,
    };
  } catch {
    return null;
  }
}

function tablesOf(db: SqlDatabase): string[] {
  const rows = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all() as { name: string }[];
  return rows.map(({ name }) => name);
}

/** Null when not even the names can be read. */
function namesOf(broken: SqlDatabase): string[] | null {
  try {
    return tablesOf(broken);
  } catch {
    return null;
  }
}

/** Empty for a table that is not there, or whose description cannot be read. */
function columnsOf(db: SqlDatabase, table: string): Column[] {
  try {
    return db.prepare('SELECT name, type, pk FROM pragma_table_info(?)').all(table) as Column[];
  } catch {
    return [];
  }
}

function common(theirs: readonly Column[], ours: readonly Column[]): Column[] {
  const names = new Set(theirs.map(({ name }) => name));
  return ours.filter(({ name }) => names.has(name));
}

/** From the front to a damaged page, then from the back to one. */
function readTable(db: SqlDatabase, table: string, columns: readonly Column[]): { whole: boolean; rows: SqlValue[][] } {
  const key = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
  const rows = new Map<string, SqlValue[]>();
  for (const order of ['ASC', 'DESC']) {
    const by = key.map(({ name }) => `${quoted(name)} ${order}`).join(', ');
    try {
      const names = columns.map(({ name }) => quoted(name)).join(', ');
      const all = db.prepare(`SELECT ${names} FROM ${quoted(table)}${by && ` ORDER BY ${by}`}`).iterate() as Iterable<
        Record<string, SqlValue>
      >;
      for (const row of all) {
        const values = columns.map(({ name }) => row[name] ?? null);
        if (columns.every(({ type }, i) => fits(type, values[i] ?? null)))
          rows.set(key.length > 0 ? key.map(({ name }) => String(row[name])).join('/') : String(rows.size), values);
      }
      return { whole: order === 'ASC', rows: [...rows.values()] };
    } catch {
      // The rest is tried from the other end.
    }
  }
  return { whole: false, rows: [...rows.values()] };
}

/** A page that holds another table's rows reads well and makes no sense. */
function fits(type: string, value: SqlValue): boolean {
  if (value === null) return true;
  if (type === 'INTEGER' || type === 'REAL') return typeof value === 'number';
  if (type === 'TEXT') return typeof value === 'string';
  return type !== 'BLOB' || value instanceof Uint8Array;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
