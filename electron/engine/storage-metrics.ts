import type { StorageFolderInfo, StorageState } from '../contract/model.ts';
import type { StorageFolders } from '../recording/folders.ts';
import type { Retention } from '../retention/retention.ts';

const STATES: readonly StorageState[] = ['ok', 'missing', 'full', 'read-only', 'failed', 'slow'];

/** Storage folders and retention, as Prometheus text to stand behind the engine's. Labels carry keys of folders, never paths. */
export function storageMetrics(
  infos: readonly StorageFolderInfo[],
  folders: Pick<StorageFolders, 'counters' | 'watches'>,
  retention: Pick<Retention, 'counters'>,
): string {
  const lines: string[] = [];
  const figure = (
    name: string,
    help: string,
    type: 'gauge' | 'counter',
    rows: readonly (readonly [labels: string, value: number | null])[],
  ) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of rows) if (value !== null) lines.push(`${name}${labels} ${value}`);
  };
  const label = (key: number, more = '') => `{folder="${key}"${more}}`;
  const each = (of: (info: StorageFolderInfo) => number | null) => infos.map((info) => [label(info.key), of(info)] as const);
  figure(
    'keyhole_storage_state',
    '1 for the condition that a storage folder is in.',
    'gauge',
    infos.flatMap(({ key, state }) => STATES.map((name) => [label(key, `,state="${name}"`), Number(name === state)] as const)),
  );
  figure(
    'keyhole_storage_free_bytes',
    'Free bytes on the disk of a storage folder.',
    'gauge',
    each(({ freeBytes }) => freeBytes),
  );
  figure(
    'keyhole_storage_total_bytes',
    'Size of the disk of a storage folder.',
    'gauge',
    each(({ totalBytes }) => totalBytes),
  );
  figure(
    'keyhole_storage_floor_bytes',
    'Bytes of it that retention keeps free.',
    'gauge',
    each(({ floorBytes }) => floorBytes),
  );
  figure(
    'keyhole_storage_recorded_bytes',
    'Bytes of recordings in a storage folder.',
    'gauge',
    each(({ recordingBytes }) => recordingBytes),
  );
  figure(
    'keyhole_storage_hangs_total',
    'Times that the disk of a storage folder did not answer.',
    'counter',
    folders.watches.map(({ folder, guard }) => [label(folder.key), guard.counters.hangs] as const),
  );
  figure('keyhole_storage_elsewhere_total', 'Segments that went to another folder than the one they were meant for.', 'counter', [
    ['', folders.counters.elsewhere],
  ]);
  figure('keyhole_retention_segments_total', 'Segments that retention deleted.', 'counter', [['', retention.counters.segments]]);
  figure('keyhole_forgotten_segments_total', 'Segments of cameras that were removed with their recordings.', 'counter', [
    ['', retention.counters.forgotten],
  ]);
  figure('keyhole_retention_bytes_total', 'Bytes that retention deleted.', 'counter', [['', retention.counters.bytes]]);
  return lines.join('\n') + '\n';
}
