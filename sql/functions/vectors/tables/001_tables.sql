-- Declared vector indexes, and their measurements. Queries of applications do not use these tables. With IF NOT EXISTS, because this step
-- also brings the tables of a pgwright without steps to this version.

GRANT USAGE ON SCHEMA pgwright TO PUBLIC;

CREATE TABLE IF NOT EXISTS pgwright.vector_indexes (
  -- schema.name, quoted where SQL needs it.
  index_name text PRIMARY KEY,
  schema_name name NOT NULL,
  relation_name name NOT NULL,
  table_name text NOT NULL,
  column_name name NOT NULL,
  -- Operator of the distance between two values of the column.
  operator text NOT NULL,
  precision text NOT NULL CHECK (precision IN ('full', 'half', 'binary')),
  method text NOT NULL CHECK (method IN ('hnsw', 'ivfflat')),
  -- Condition of a partial index, as the stack file writes it and as the catalog spells it.
  condition text,
  spelled text,
  -- Table and column of the query vectors; rows of the indexed table if absent.
  queries_table text,
  queries_column name,
  -- Condition of the queries that are measured.
  filter text,
  -- Neighbours per query, and number of queries. Absent: the recall is not measured.
  neighbours integer,
  queries integer,
  at_least numeric,
  -- Maximum age of a measurement, in days.
  days integer,
  -- hnsw.ef_search or ivfflat.probes that this index needs.
  search integer,
  -- hnsw.iterative_scan or ivfflat.iterative_scan: whether a search continues until enough rows meet the filter.
  iterative_scan text
);

-- Parameters of the database that pgwright set for indexes; others are not managed.
CREATE TABLE IF NOT EXISTS pgwright.vector_settings (
  parameter text PRIMARY KEY,
  value text NOT NULL
);

CREATE TABLE IF NOT EXISTS pgwright.vector_measurements (
  index_name text NOT NULL REFERENCES pgwright.vector_indexes ON DELETE CASCADE,
  measured_at timestamptz NOT NULL,
  -- A rebuilt index has another oid.
  index_oid oid NOT NULL,
  search integer NOT NULL,
  neighbours integer NOT NULL,
  queries integer NOT NULL,
  at_least numeric,
  -- Share of the true neighbours that are found: over all queries, and for the worst query.
  recall numeric,
  worst numeric,
  -- Duration of a query, planning included.
  median_ms numeric,
  p95_ms numeric,
  -- Queries that the planner answered through this index.
  through integer,
  index_bytes bigint,
  PRIMARY KEY (index_name, measured_at)
);

-- The role that measured, if row security hides all rows from it.
ALTER TABLE pgwright.vector_measurements ADD COLUMN IF NOT EXISTS hidden_from name;

-- Number of rows that an ivfflat index, or its part in a partition, was built with: the centres of these rows stay.
CREATE TABLE IF NOT EXISTS pgwright.vector_builds (
  index_oid oid PRIMARY KEY,
  row_count bigint NOT NULL
);

GRANT SELECT ON pgwright.vector_builds, pgwright.vector_indexes, pgwright.vector_settings, pgwright.vector_measurements TO PUBLIC;

-- A query vector, its source row (which does not count), and its true neighbours.
DO $$
BEGIN
  IF to_regtype('pgwright.vector_query') IS NULL THEN
    CREATE TYPE pgwright.vector_query AS (probe text, of_table oid, place tid, neighbours integer, farthest double precision);
  END IF;
END
$$;
