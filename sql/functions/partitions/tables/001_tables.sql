-- Declared sets of partitions, the results of their runs, and the partitions that belong to them. With IF NOT EXISTS, because this step also
-- brings the tables of a pgwright without steps to this version.

GRANT USAGE ON SCHEMA pgwright TO PUBLIC;

CREATE TABLE IF NOT EXISTS pgwright.partition_sets (
  -- schema.name, quoted where SQL needs it
  parent text PRIMARY KEY,
  -- time, integer, uuid7: RANGE; list and hash: the runs create declared partitions and expire none
  kind text NOT NULL CHECK (kind IN ('time', 'integer', 'uuid7', 'list', 'hash')),
  -- width of a partition: an interval, or a whole number
  step text,
  -- days and longer steps begin at midnight in this time zone
  zone text NOT NULL DEFAULT 'UTC',
  -- partitions ahead of the one that holds now (or the highest number)
  premake int NOT NULL DEFAULT 3 CHECK (premake BETWEEN 0 AND 1000),
  -- partitions are created from here on: a time or a number
  start_at text,
  -- suffix of a partition's name; NULL: derived from the step
  naming text,
  -- rows without a partition: none (refused), guard (kept in DEFAULT, with an alert), drain (moved to their own partition)
  overflow text NOT NULL DEFAULT 'none' CHECK (overflow IN ('none', 'guard', 'drain')),
  -- {"age": interval or number} or {"count": n}, and "then": keep, detach, archive, drop; "schema", "tablespace" of an archive
  retention jsonb,
  -- {"tablespace", "storage": {parameter: value}, "indexes": ["USING brin (at)"]}: what partitions do not inherit from a parent
  template jsonb NOT NULL DEFAULT '{}',
  -- {"by": "hash", "column", "modulus"} or {"by": "list", "column", "partitions": {suffix: [values]}, "default": boolean}
  sub jsonb,
  -- of list and hash sets: {suffix: [values]}, modulus
  members jsonb,
  last_run timestamptz,
  last_success timestamptz,
  last_error text
);
-- {"column"}: a plain table is partitioned by this column
ALTER TABLE pgwright.partition_sets ADD COLUMN IF NOT EXISTS convert jsonb;
-- what the last run did not do, and why: it needs an operator
ALTER TABLE pgwright.partition_sets ADD COLUMN IF NOT EXISTS attention text;
-- the role that may maintain it besides the owner of its table: its sessions run the owner's code
ALTER TABLE pgwright.partition_sets ADD COLUMN IF NOT EXISTS maintainer text;

-- Partitions that runs created or found. Drift is the difference between this table and the catalog.
CREATE TABLE IF NOT EXISTS pgwright.partitions_known (
  parent text NOT NULL REFERENCES pgwright.partition_sets ON DELETE CASCADE ON UPDATE CASCADE,
  partition oid NOT NULL,
  name text NOT NULL,
  bound text NOT NULL,
  -- attached; retiring: its retention has begun; detached, archived: outside of the set, the table still exists
  state text NOT NULL DEFAULT 'attached' CHECK (state IN ('attached', 'retiring', 'detached', 'archived')),
  since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (parent, partition)
);
-- every session knows that it is attached
ALTER TABLE pgwright.partitions_known ADD COLUMN IF NOT EXISTS announced boolean NOT NULL DEFAULT false;
-- created for rows of DEFAULT outside of the periods of the set: gaps before it are not filled
ALTER TABLE pgwright.partitions_known ADD COLUMN IF NOT EXISTS stray boolean NOT NULL DEFAULT false;
-- fingerprints of the table's row security when it was copied, and of the partition's own after that
ALTER TABLE pgwright.partitions_known ADD COLUMN IF NOT EXISTS secured text;

-- Progress of the copies of tables in use.
CREATE TABLE IF NOT EXISTS pgwright.partition_copies (
  parent text PRIMARY KEY REFERENCES pgwright.partition_sets ON DELETE CASCADE ON UPDATE CASCADE,
  -- convert: the whole table; drain: its DEFAULT partition
  action text NOT NULL CHECK (action IN ('convert', 'drain')),
  phase text NOT NULL
  CHECK (phase IN ('partitions', 'mirror', 'copy', 'analyze', 'compare', 'settle', 'switch', 'finish', 'done')),
  -- the table that is copied, and the partitioned table that gets its rows
  source oid NOT NULL,
  target oid NOT NULL,
  -- columns that identify a row of the source, and of the target, which includes the partition key
  keys text[] NOT NULL,
  target_keys text[] NOT NULL,
  -- fingerprint of the source's columns, indexes and constraints, which must not change during the copy
  signature text NOT NULL,
  -- remaining work of this phase
  todo jsonb NOT NULL DEFAULT '[]',
  -- key values of the last copied row; and rows of the next batch
  position jsonb,
  batch int NOT NULL DEFAULT 1000,
  copied bigint NOT NULL DEFAULT 0,
  compared bigint NOT NULL DEFAULT 0,
  checksum numeric NOT NULL DEFAULT 0,
  rows_estimate bigint NOT NULL DEFAULT 0,
  -- transaction of the last batch: older snapshots do not see its rows
  last_xid xid8,
  -- name of the source after the switch
  kept text,
  -- sessions that the switch waits for; and how long it locked the table
  waits text,
  locked interval,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- names of partitions that are created for distant rows
ALTER TABLE pgwright.partition_copies ADD COLUMN IF NOT EXISTS strays text[] NOT NULL DEFAULT '{}';

-- Archived partitions that the backup agent dumped into a file and dropped.
CREATE TABLE IF NOT EXISTS pgwright.partition_archives (
  parent text NOT NULL,
  -- schema.name of the table, quoted where SQL needs it
  name text NOT NULL,
  bound text NOT NULL,
  -- relative to the database's folder of dumps
  file text NOT NULL,
  row_count bigint NOT NULL,
  dumped_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- when it was restored from the file
  restored_at timestamptz,
  PRIMARY KEY (name, dumped_at)
);

GRANT SELECT ON pgwright.partition_sets, pgwright.partitions_known, pgwright.partition_archives TO PUBLIC;
-- Without the position, which holds values of rows.
GRANT SELECT (strays, parent, action, phase, source, target, copied, compared, checksum, rows_estimate, kept, waits, locked, started_at, changed_at)
ON pgwright.partition_copies TO PUBLIC;
