/** By which way each camera was reached, how much of it went through a relay, and how much may. */
export const paths = `
ALTER TABLE camera ADD COLUMN relay_budget INTEGER;
CREATE TABLE path_span (
  camera INTEGER NOT NULL,
  start_ms INTEGER NOT NULL,
  end_ms INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  code TEXT,
  text TEXT,
  PRIMARY KEY (camera, start_ms)
) WITHOUT ROWID;
CREATE TABLE relay_use (
  camera INTEGER NOT NULL,
  month INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (camera, month)
) WITHOUT ROWID;
`;
