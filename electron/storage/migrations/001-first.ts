/** The first format: cameras, settings, the index of segments, why time is missing, when the app ran. */
export const first = `
CREATE TABLE camera (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  removed_ms INTEGER,
  source_kind TEXT NOT NULL,
  source BLOB NOT NULL
);
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE garbage (path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE codec (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE segment (
  camera INTEGER NOT NULL,
  start_ms INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  codec INTEGER NOT NULL,
  PRIMARY KEY (camera, start_ms)
) WITHOUT ROWID;
CREATE TABLE keyframes (
  camera INTEGER NOT NULL,
  start_ms INTEGER NOT NULL,
  list BLOB NOT NULL,
  PRIMARY KEY (camera, start_ms)
) WITHOUT ROWID;
CREATE TABLE span (
  camera INTEGER NOT NULL,
  start_ms INTEGER NOT NULL,
  end_ms INTEGER NOT NULL,
  PRIMARY KEY (camera, start_ms)
) WITHOUT ROWID;
CREATE TABLE gap (
  key INTEGER PRIMARY KEY,
  camera INTEGER NOT NULL,
  start_ms INTEGER NOT NULL,
  end_ms INTEGER,
  reason TEXT NOT NULL,
  text TEXT NOT NULL
);
CREATE INDEX gap_by_camera ON gap (camera, start_ms);
CREATE INDEX gap_open ON gap (key) WHERE end_ms IS NULL;
CREATE TABLE run (key INTEGER PRIMARY KEY, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL);
CREATE INDEX run_by_end ON run (end_ms);
`;
