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
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  -- full, differential, incremental, verify
  job text NOT NULL,
  repository int NOT NULL,
  -- of the program that did it; 0: well
  exit_code int NOT NULL,
  message text,
  PRIMARY KEY (started_at, job, repository)
);

CREATE TABLE IF NOT EXISTS pgwright.backup_sizes (
  repository int PRIMARY KEY,
  bytes bigint NOT NULL,
  free_bytes bigint NOT NULL
);
