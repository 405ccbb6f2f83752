-- Reports of the backup agent: backups, runs of its jobs, sizes and free space of the repositories. With IF NOT EXISTS, because this step
-- also brings the tables of a pgwright without steps to this version.

GRANT USAGE ON SCHEMA pgwright TO PUBLIC;

CREATE TABLE IF NOT EXISTS pgwright.backup_report (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  -- pgbackrest info --output=json
  info jsonb NOT NULL DEFAULT '[]',
  reported_at timestamptz
);
INSERT INTO pgwright.backup_report DEFAULT VALUES ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS pgwright.backup_runs (
  -- Order of the ledger, because clocks can go back.
  run bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  -- full, differential, incremental, verify, drill
  job text NOT NULL,
  repository int NOT NULL,
  -- of the program that ran; 0: success
  exit_code int NOT NULL,
  message text,
  PRIMARY KEY (started_at, job, repository)
);

CREATE TABLE IF NOT EXISTS pgwright.backup_sizes (
  repository int PRIMARY KEY,
  -- NULL: a bucket that is not listed yet
  bytes bigint,
  -- NULL: a bucket
  free_bytes bigint
);
ALTER TABLE pgwright.backup_sizes ALTER COLUMN bytes DROP NOT NULL, ALTER COLUMN free_bytes DROP NOT NULL;

-- Next run of each job of the agent.
CREATE TABLE IF NOT EXISTS pgwright.backup_schedule (
  job text PRIMARY KEY,
  next_at timestamptz NOT NULL
);

-- Gaps in the archives: WAL that the server dropped because archiving failed for too long, or that was removed from a repository.
CREATE TABLE IF NOT EXISTS pgwright.backup_missing_wal (
  repository int NOT NULL,
  -- the first segment after the gap
  before_segment text NOT NULL,
  segments int NOT NULL,
  -- no backup began after the gap, so nothing after the gap can be restored
  open boolean NOT NULL,
  PRIMARY KEY (repository, before_segment)
);

-- Probe rows of a drill, written before and after its restore point.
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
  -- from which the restore began
  backup text,
  -- commit time of the last replayed transaction
  recovered_to timestamptz,
  -- from the start of the restore until the copy accepted connections
  seconds int NOT NULL
);

CREATE TABLE IF NOT EXISTS pgwright.restore_drill_checks (
  drill text NOT NULL,
  what text NOT NULL,
  passed boolean NOT NULL,
  detail text,
  PRIMARY KEY (drill, what)
);

GRANT SELECT ON pgwright.backup_report, pgwright.backup_runs, pgwright.backup_sizes, pgwright.backup_schedule, pgwright.backup_missing_wal,
  pgwright.restore_drills, pgwright.restore_drill_checks TO pg_monitor;
