/** How cameras are recorded, where segments are and where they came from, what must not be deleted, what happened. */
export const recording = `
ALTER TABLE camera ADD COLUMN recording TEXT;
ALTER TABLE segment ADD COLUMN folder INTEGER DEFAULT 0;
ALTER TABLE segment ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE segment ADD COLUMN archive INTEGER;
ALTER TABLE segment ADD COLUMN hash BLOB;
CREATE INDEX segment_not_live ON segment (camera, start_ms) WHERE origin <> 0;
CREATE INDEX segment_by_folder ON segment (folder, start_ms) WHERE folder IS NOT NULL;
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
-- How much there is, by camera and folder (-1: only the archive has it): counting millions of rows takes a second.
CREATE TABLE segment_total (
  camera INTEGER NOT NULL,
  folder INTEGER NOT NULL,
  segments INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (camera, folder)
) WITHOUT ROWID;
INSERT INTO segment_total SELECT camera, coalesce(folder, -1), count(*), sum(bytes) FROM segment GROUP BY 1, 2;
CREATE TRIGGER segment_added AFTER INSERT ON segment BEGIN
  INSERT INTO segment_total VALUES (new.camera, coalesce(new.folder, -1), 1, new.bytes)
  ON CONFLICT (camera, folder) DO UPDATE SET segments = segments + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER segment_removed AFTER DELETE ON segment BEGIN
  UPDATE segment_total SET segments = segments - 1, bytes = bytes - old.bytes
  WHERE camera = old.camera AND folder = coalesce(old.folder, -1);
END;
CREATE TRIGGER segment_changed AFTER UPDATE OF folder, bytes ON segment BEGIN
  UPDATE segment_total SET segments = segments - 1, bytes = bytes - old.bytes
  WHERE camera = old.camera AND folder = coalesce(old.folder, -1);
  INSERT INTO segment_total VALUES (new.camera, coalesce(new.folder, -1), 1, new.bytes)
  ON CONFLICT (camera, folder) DO UPDATE SET segments = segments + 1, bytes = bytes + excluded.bytes;
END;
CREATE TABLE fact (
  key INTEGER PRIMARY KEY,
  start_ms INTEGER NOT NULL,
  end_ms INTEGER NOT NULL,
  reason TEXT NOT NULL,
  text TEXT NOT NULL,
  weak INTEGER NOT NULL
);
CREATE INDEX fact_by_end ON fact (end_ms);
CREATE INDEX gap_long ON gap (camera, start_ms) WHERE end_ms IS NULL OR end_ms - start_ms > 3600000;
CREATE TABLE proof_head (camera INTEGER PRIMARY KEY, seq INTEGER NOT NULL, hash BLOB NOT NULL);
`;
