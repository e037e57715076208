import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { writeBackup, readIrreplaceable } from './backup.ts';
import { copyDatabase } from './copy.ts';
import { isCorrupt, storageFailure } from './failure.ts';
import type { StorageCall, WorkerRequest, WorkerSetup } from './interface.ts';
import { CHECK_FILE } from './layout.ts';
import { openDatabase, openReadOnly, type OpenDatabase } from './open.ts';
import { allQueries } from './queries/all.ts';
import type { OpenSql } from './sql.ts';

/* The one thread that touches SQLite. Requests are answered in the order they came. */

/** After these the copy of what cannot be rebuilt is written anew. */
const KEPT_IN_BACKUP: ReadonlySet<string> = new Set<StorageCall>(['addCamera', 'updateCamera', 'removeCamera', 'setSetting']);

const { dataDir, mode } = workerData as WorkerSetup;
const open: OpenSql = (path, options) => new Database(path, options);

function start(): void {
  let database: OpenDatabase;
  try {
    database = mode === 'read' ? openReadOnly(open, dataDir) : openDatabase(open, dataDir);
  } catch (error) {
    parentPort?.postMessage({ failed: storageFailure(error, dataDir).toWire() });
    return;
  }
  const queries = new Map(Object.entries(allQueries(database.db)));
  // The change itself is on the disk by then: to say that it failed would be wrong.
  const backup = () => {
    try {
      const kept = readIrreplaceable(database.db);
      if (kept) writeBackup(dataDir, kept);
      return {};
    } catch (error) {
      return { backupFailed: storageFailure(error, dataDir).toWire() };
    }
  };
  parentPort?.on('message', (request: WorkerRequest) => {
    const began = performance.now();
    try {
      if (request.name === 'close') {
        database.close();
        parentPort?.postMessage({ id: request.id, value: null, ms: 0 });
        return;
      }
      const query = queries.get(request.name) as ((args: unknown) => unknown) | undefined;
      if (!query) throw new Error(`no such query: ${String(request.name)}`);
      const value = query(request.args);
      const copied = KEPT_IN_BACKUP.has(request.name) ? backup() : {};
      parentPort?.postMessage({ id: request.id, value, ...copied, ms: performance.now() - began });
    } catch (error) {
      if (isCorrupt(error)) noteCorruption();
      parentPort?.postMessage({ id: request.id, error: storageFailure(error, dataDir).toWire(), ms: performance.now() - began });
    } finally {
      // Nothing else keeps the thread.
      if (request.name === 'close') parentPort?.close();
    }
  });
  parentPort?.postMessage({ opened: database.report });
}

function noteCorruption(): void {
  try {
    writeFileSync(join(dataDir, CHECK_FILE), '');
  } catch {
    // The folder cannot be written either: that is reported by whoever writes next.
  }
}

/** Another thread than the one that answers: readers and the writer do not wait for it. */
function copy(): void {
  try {
    parentPort?.postMessage({ copied: copyDatabase(open, dataDir) });
  } catch (error) {
    if (isCorrupt(error)) noteCorruption();
    parentPort?.postMessage({ failed: storageFailure(error, dataDir).toWire() });
  }
}

if (mode === 'copy') copy();
else start();
