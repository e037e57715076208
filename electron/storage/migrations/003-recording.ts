/** How cameras are recorded, where segments are and where they came from, what must not be deleted, what happened. */
export const recording = `
ALTER TABLE camera ADD COLUMN recording TEXT;
ALTER TABLE segment ADD COLUMN folder INTEGER DEFAULT 0;
ALTER TABLE segment ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE segment ADD COLUMN archive INTEGER;
ALTER TABLE segment ADD COLUMN hash BLOB;
CREATE INDEX segment_not_live ON segment (camera, start_ms) WHERE origin <> 0;
CREATE TABLE garbage_file (folder INTEGER NOT NULL, path TEXT NOT NULL, PRIMARY KEY (folder, path)) WITHOUT ROWID;
INSERT INTO garbage_file (folder, path) SELECT 0, path FROM garbage;
DROP TABLE garbage;
CREATE TABLE protected (
  key INTEGER PRIMARY KEY,
  camera INTEGER NOT NULL,
  start_ms INTEGER NOT NULL,
  end_ms INTEGER NOT NULL,
  until_ms INTEGER,
  kind TEXT NOT NULL,
  text TEXT NOT NULL
);
CREATE INDEX protected_by_camera ON protected (camera, start_ms);
CREATE TABLE event (
  key INTEGER PRIMARY KEY,
  camera INTEGER NOT NULL,
  start_ms INTEGER NOT NULL,
  end_ms INTEGER,
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  score REAL,
  text TEXT NOT NULL
);
CREATE INDEX event_by_camera ON event (camera, start_ms);
`;
