-- What the backup agent reports: which backups there are, how its jobs went, how much room there is.

CREATE SCHEMA IF NOT EXISTS pgwright;
GRANT USAGE ON SCHEMA pgwright TO PUBLIC;

CREATE TABLE IF NOT EXISTS pgwright.backup_report (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  -- pgbackrest info --output=json
  info jsonb NOT NULL DEFAULT '[]',
  reported_at timestamptz
);
INSERT INTO pgwright.backup_report DEFAULT VALUES ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS pgwright.backup_runs (
  -- In the order of the ledger: clocks may go back.
  run bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  -- full, differential, incremental, verify, drill
  job text NOT NULL,
  repository int NOT NULL,
  -- of the program that did it; 0: well
  exit_code int NOT NULL,
  message text,
  PRIMARY KEY (started_at, job, repository)
);

CREATE TABLE IF NOT EXISTS pgwright.backup_sizes (
  repository int PRIMARY KEY,
  -- NULL: a bucket that has not been listed yet
  bytes bigint,
  -- NULL: a bucket
  free_bytes bigint
);
ALTER TABLE pgwright.backup_sizes ALTER COLUMN bytes DROP NOT NULL, ALTER COLUMN free_bytes DROP NOT NULL;

-- When the agent does what next.
CREATE TABLE IF NOT EXISTS pgwright.backup_schedule (
  job text PRIMARY KEY,
  next_at timestamptz NOT NULL
);

-- Holes in the archives: WAL that was given up, since it could not be archived and was more than may wait, or that somebody removed.
CREATE TABLE IF NOT EXISTS pgwright.backup_missing_wal (
  repository int NOT NULL,
  -- the segment behind the hole
  before_segment text NOT NULL,
  segments int NOT NULL,
  -- no backup has begun since: what comes after the hole cannot be restored
  open boolean NOT NULL,
  PRIMARY KEY (repository, before_segment)
);

-- Rows on both sides of the restore point that a drill goes to.
CREATE TABLE IF NOT EXISTS pgwright.drill_marks (
  drill text NOT NULL,
  before boolean NOT NULL,
  marked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (drill, before)
);

-- Evidence of restore drills.
CREATE TABLE IF NOT EXISTS pgwright.restore_drills (
  drill text PRIMARY KEY,
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  passed boolean NOT NULL,
  -- that it began with
  backup text,
  -- of the last transaction that was replayed
  recovered_to timestamptz,
  -- from the request until the copy took connections
  seconds int NOT NULL
);

CREATE TABLE IF NOT EXISTS pgwright.restore_drill_checks (
  drill text NOT NULL,
  what text NOT NULL,
  passed boolean NOT NULL,
  detail text,
  PRIMARY KEY (drill, what)
);
