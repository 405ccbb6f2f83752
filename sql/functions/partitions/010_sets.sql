-- Declared sets of partitions, the results of their runs, and the partitions that belong to them.

CREATE SCHEMA IF NOT EXISTS pgwright;
GRANT USAGE ON SCHEMA pgwright TO PUBLIC;

-- DETACH ... CONCURRENTLY cannot run in a transaction, so not in a function: a second connection runs it. Other roles must not use dblink.
CREATE EXTENSION IF NOT EXISTS dblink SCHEMA pgwright;

DO $$
DECLARE
  v_function regprocedure;
BEGIN
  FOR v_function IN
    SELECT d.objid
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
    WHERE e.extname = 'dblink' AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', v_function);
  END LOOP;
END
$$;

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

GRANT SELECT ON pgwright.partition_sets, pgwright.partitions_known TO PUBLIC;
