import { CodedError } from '../../base/errors.ts';
import { utcMs } from '../../base/units.ts';
import type { CameraRow, StorageCalls } from '../interface.ts';
import { DEFAULT_RECORDING, type RecordingSettings } from '../../contract/model.ts';
import type { SqlDatabase } from '../sql.ts';
import { forgettingQueries, NOT_GOING } from './forgetting.ts';

interface Row {
  readonly key: number;
  readonly id: string;
  readonly name: string;
  readonly created_ms: number;
  readonly removed_ms: number | null;
  readonly source_kind: string;
  readonly source: Uint8Array;
  readonly relay_budget: number | null;
  readonly recording: string | null;
}

type CameraCalls = Pick<StorageCalls, 'addCamera' | 'cameras' | 'camera' | 'updateCamera' | 'removeCamera' | 'forgetRemoved'>;

export function cameraQueries(db: SqlDatabase): CameraCalls {
  const insert = db.prepare('INSERT INTO camera (id, name, created_ms, source_kind, source) VALUES (?, ?, ?, ?, ?)');
  const taken = db.prepare('SELECT 1 FROM camera WHERE id = ?');
  const byId = db.prepare(`SELECT * FROM camera WHERE id = ? AND ${NOT_GOING}`);
  const present = db.prepare('SELECT * FROM camera WHERE removed_ms IS NULL ORDER BY key');
  const all = db.prepare(`SELECT * FROM camera WHERE ${NOT_GOING} ORDER BY key`);
  const update = db.prepare('UPDATE camera SET name = coalesce(?, name), source = coalesce(?, source) WHERE id = ? AND removed_ms IS NULL');
  const budget = db.prepare('UPDATE camera SET relay_budget = ? WHERE id = ? AND removed_ms IS NULL');
  const settings = db.prepare('UPDATE camera SET recording = ? WHERE id = ? AND removed_ms IS NULL');
  const mark = db.prepare("UPDATE camera SET removed_ms = ?, source = x'' WHERE key = ?");
  const forgetPaths = ['path_span', 'relay_use'].map((table) => db.prepare(`DELETE FROM ${table} WHERE camera = ?`));
  const { begin, forgetRemoved } = forgettingQueries(db);

  const camera: CameraCalls['camera'] = ({ id }) => {
    const row = byId.get(id) as Row | undefined;
    return row ? fromRow(row) : null;
  };

  return {
    camera,
    forgetRemoved,
    cameras: ({ removed }) => ((removed ? all : present).all() as Row[]).map(fromRow),
    addCamera(args) {
      if (taken.get(args.id)) throw new CodedError('conflict', `The camera ${args.id} is there already.`);
      insert.run(args.id, args.name, args.createdAt, args.sourceKind, args.source);
      const added = camera({ id: args.id });
      if (!added) throw new Error('a camera that was just added is not there');
      return added;
    },
    updateCamera: db.transaction(({ id, name, source, relayBudget, recording }: Parameters<CameraCalls['updateCamera']>[0]) => {
      if (relayBudget !== undefined) budget.run(relayBudget, id);
      if (recording !== undefined) settings.run(JSON.stringify(recording), id);
      return update.run(name ?? null, source ?? null, id).changes > 0;
    }),
    removeCamera: db.transaction(({ id, at, forgetRecordings }: Parameters<CameraCalls['removeCamera']>[0]) => {
      const row = camera({ id });
      if (!row) return false;
      for (const statement of forgetPaths) statement.run(row.key);
      mark.run(at, row.key);
      if (forgetRecordings) begin(row);
      return true;
    }),
  };
}

function fromRow(row: Row): CameraRow {
  return {
    key: row.key,
    id: row.id,
    name: row.name,
    createdAt: utcMs(row.created_ms),
    removedAt: row.removed_ms === null ? null : utcMs(row.removed_ms),
    sourceKind: row.source_kind === 'rtsp' ? 'rtsp' : 'p2p',
    source: new Uint8Array(row.source),
    relayBudget: row.relay_budget,
    recording: recordingOf(row.recording),
  };
}

/** Settings are checked before they are stored; one that a later version adds has its default. */
export function recordingOf(stored: string | null): RecordingSettings {
  return stored === null ? DEFAULT_RECORDING : { ...DEFAULT_RECORDING, ...(JSON.parse(stored) as Partial<RecordingSettings>) };
}
