-- Libraries of functions in a database: the hash of their files, the hash of the routines that these files created, and the version of
-- their tables.
CREATE SCHEMA IF NOT EXISTS pgwright;
CREATE TABLE IF NOT EXISTS pgwright.libraries (
  name text PRIMARY KEY,
  files text NOT NULL,
  routines text NOT NULL,
  installed_at timestamptz NOT NULL DEFAULT now()
);
-- number of the last step that was applied; 0: the tables are of a pgwright without steps
ALTER TABLE pgwright.libraries ADD COLUMN IF NOT EXISTS version int NOT NULL DEFAULT 0;
