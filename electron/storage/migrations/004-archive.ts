/**
 * What waits to be copied to the archive, what is there, and which of its objects no row speaks of any more. Triggers keep them, so
 * that whoever adds or deletes rows need not know of the archive. A row waits only while an archive is in use (the setting).
 */
export const archive = `
CREATE TABLE archive_waiting (
  camera INTEGER NOT NULL,
  start_ms INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  PRIMARY KEY (camera, start_ms)
) WITHOUT ROWID;
CREATE TABLE archive_garbage (
  archive INTEGER NOT NULL,
  camera TEXT NOT NULL,
  start_ms INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  PRIMARY KEY (archive, camera, start_ms, origin)
) WITHOUT ROWID;
-- Kept, not counted. Archive 0 is what waits, by camera; of the others the camera is 0.
CREATE TABLE archive_total (
  archive INTEGER NOT NULL,
  camera INTEGER NOT NULL,
  segments INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (archive, camera)
) WITHOUT ROWID;
CREATE INDEX segment_archived ON segment (archive, start_ms) WHERE archive IS NOT NULL;

CREATE TRIGGER archive_waiting_added AFTER INSERT ON archive_waiting BEGIN
  INSERT INTO archive_total VALUES (0, new.camera, 1, new.bytes)
  ON CONFLICT (archive, camera) DO UPDATE SET segments = segments + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER archive_waiting_removed AFTER DELETE ON archive_waiting BEGIN
  UPDATE archive_total SET segments = segments - 1, bytes = bytes - old.bytes WHERE archive = 0 AND camera = old.camera;
END;

CREATE TRIGGER archive_row_waits AFTER INSERT ON segment
WHEN new.archive IS NULL AND new.folder IS NOT NULL AND EXISTS (SELECT 1 FROM setting WHERE key = 'archive.current') BEGIN
  DELETE FROM archive_waiting WHERE camera = new.camera AND start_ms = new.start_ms;
  INSERT INTO archive_waiting VALUES (new.camera, new.start_ms, new.bytes, new.origin);
END;
CREATE TRIGGER archive_row_there AFTER INSERT ON segment WHEN new.archive IS NOT NULL BEGIN
  DELETE FROM archive_garbage WHERE archive = new.archive AND start_ms = new.start_ms AND origin = new.origin
    AND camera = (SELECT id FROM camera WHERE key = new.camera);
  INSERT INTO archive_total VALUES (new.archive, 0, 1, new.bytes)
  ON CONFLICT (archive, camera) DO UPDATE SET segments = segments + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER archive_row_gone AFTER DELETE ON segment WHEN old.archive IS NULL BEGIN
  DELETE FROM archive_waiting WHERE camera = old.camera AND start_ms = old.start_ms;
END;
CREATE TRIGGER archive_object_gone AFTER DELETE ON segment WHEN old.archive IS NOT NULL BEGIN
  UPDATE archive_total SET segments = segments - 1, bytes = bytes - old.bytes WHERE archive = old.archive AND camera = 0;
  INSERT OR IGNORE INTO archive_garbage SELECT old.archive, id, old.start_ms, old.origin FROM camera WHERE key = old.camera;
END;
CREATE TRIGGER archive_row_changed AFTER UPDATE OF archive ON segment WHEN old.archive IS NOT new.archive BEGIN
  UPDATE archive_total SET segments = segments - 1, bytes = bytes - old.bytes WHERE archive = old.archive AND camera = 0;
  INSERT OR IGNORE INTO archive_garbage SELECT old.archive, id, old.start_ms, old.origin FROM camera
    WHERE key = old.camera AND old.archive IS NOT NULL;
  DELETE FROM archive_garbage WHERE archive = new.archive AND start_ms = new.start_ms AND origin = new.origin
    AND camera = (SELECT id FROM camera WHERE key = new.camera);
  DELETE FROM archive_waiting WHERE camera = new.camera AND start_ms = new.start_ms;
  INSERT INTO archive_total SELECT new.archive, 0, 1, new.bytes WHERE new.archive IS NOT NULL
  ON CONFLICT (archive, camera) DO UPDATE SET segments = segments + 1, bytes = bytes + excluded.bytes;
END;
`;
