-- What the stack file declares of each set of partitions, how its runs went, and which partitions it knows.

CREATE SCHEMA IF NOT EXISTS pgwright;
GRANT USAGE ON SCHEMA pgwright TO PUBLIC;

-- DETACH ... CONCURRENTLY runs in no transaction and so in no function: a second connection does it. Nobody else may connect by it.
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
  -- time, integer or uuid7: RANGE; list and hash: what is declared is there, and nothing comes or goes by itself
  kind text NOT NULL CHECK (kind IN ('time', 'integer', 'uuid7', 'list', 'hash')),
  -- width of a partition: an interval, or a whole number
  step text,
  -- days and longer steps begin at midnight of this zone
  zone text NOT NULL DEFAULT 'UTC',
  -- partitions ahead of the one that holds now (or the highest number)
  premake int NOT NULL DEFAULT 3 CHECK (premake BETWEEN 0 AND 1000),
  -- back-filled from here: a time or a number
  start_at text,
  -- suffix of a partition's name; NULL: by the step
  naming text,
  -- rows that no partition is for: none (refused), guard (kept in DEFAULT, an alert), drain (moved to a partition of theirs)
  overflow text NOT NULL DEFAULT 'none' CHECK (overflow IN ('none', 'guard', 'drain')),
  -- {"age": interval or number} or {"count": n}, and "then": keep, detach, archive, drop; "schema", "tablespace" of an archive
  retention jsonb,
  -- {"tablespace", "storage": {parameter: value}, "indexes": ["USING brin (at)"]}: what a parent cannot carry
  template jsonb NOT NULL DEFAULT '{}',
  -- {"by": "hash", "column", "modulus"} or {"by": "list", "column", "partitions": {suffix: [values]}, "default": boolean}
  sub jsonb,
  -- of list and hash sets: {suffix: [values]}, modulus
  members jsonb,
  last_run timestamptz,
  last_success timestamptz,
  last_error text
);
-- {"column"}: a table that is not partitioned yet becomes so, by this column
ALTER TABLE pgwright.partition_sets ADD COLUMN IF NOT EXISTS convert jsonb;
-- what the last run did not do, and why: an operator has to look at it
ALTER TABLE pgwright.partition_sets ADD COLUMN IF NOT EXISTS attention text;
-- the role that maintains it, beside the owner of its table: the owner's code runs in its sessions
ALTER TABLE pgwright.partition_sets ADD COLUMN IF NOT EXISTS maintainer text;

-- Partitions that a set has made or found: what is attached, detached or renamed by hand differs from this.
CREATE TABLE IF NOT EXISTS pgwright.partitions_known (
  parent text NOT NULL REFERENCES pgwright.partition_sets ON DELETE CASCADE ON UPDATE CASCADE,
  partition oid NOT NULL,
  name text NOT NULL,
  bound text NOT NULL,
  -- attached; retiring: retention has begun with it; detached, archived: out of the set, and still there
  state text NOT NULL DEFAULT 'attached' CHECK (state IN ('attached', 'retiring', 'detached', 'archived')),
  since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (parent, partition)
);
-- every session has been told that it is attached
ALTER TABLE pgwright.partitions_known ADD COLUMN IF NOT EXISTS announced boolean NOT NULL DEFAULT false;
-- made for rows of DEFAULT that lie outside of the periods of the set: no gap is filled up to it
ALTER TABLE pgwright.partitions_known ADD COLUMN IF NOT EXISTS stray boolean NOT NULL DEFAULT false;
-- fingerprints of the table's row security that it was given, and of its own since then
ALTER TABLE pgwright.partitions_known ADD COLUMN IF NOT EXISTS secured text;

GRANT SELECT ON pgwright.partition_sets, pgwright.partitions_known TO PUBLIC;
