-- Vector indexes that the stack declares, and what was measured of them. No query of an application asks anything of it.

CREATE SCHEMA IF NOT EXISTS pgwright;
GRANT USAGE ON SCHEMA pgwright TO PUBLIC;

CREATE TABLE IF NOT EXISTS pgwright.vector_indexes (
  -- schema.name, as SQL takes it.
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
  -- Where the queries that it is measured with come from; rows of the table itself if absent.
  queries_table text,
  queries_column name,
  -- What queries ask for beside the distance.
  filter text,
  -- How it is measured: nearest neighbours of a query, and queries. Absent: it is not.
  neighbours integer,
  queries integer,
  at_least numeric,
  -- Days that a measurement may be old.
  days integer,
  -- hnsw.ef_search or ivfflat.probes that this index needs.
  search integer,
  -- hnsw.iterative_scan or ivfflat.iterative_scan: whether a search goes on until enough rows satisfy the filter.
  iterative_scan text
);

-- Parameters that the database has on behalf of its indexes: what others have set is theirs.
CREATE TABLE IF NOT EXISTS pgwright.vector_settings (
  parameter text PRIMARY KEY,
  value text NOT NULL
);

CREATE TABLE IF NOT EXISTS pgwright.vector_measurements (
  index_name text NOT NULL REFERENCES pgwright.vector_indexes ON DELETE CASCADE,
  measured_at timestamptz NOT NULL,
  -- An index that was built anew is another one.
  index_oid oid NOT NULL,
  search integer NOT NULL,
  neighbours integer NOT NULL,
  queries integer NOT NULL,
  at_least numeric,
  -- Share of the true neighbours that are found: over all queries, and of the query that it serves worst.
  recall numeric,
  worst numeric,
  -- One query, planning included.
  median_ms numeric,
  p95_ms numeric,
  -- Queries that the planner has answered through this index.
  through integer,
  index_bytes bigint,
  PRIMARY KEY (index_name, measured_at)
);

-- The role that measured and that row security shows none of the rows.
ALTER TABLE pgwright.vector_measurements ADD COLUMN IF NOT EXISTS hidden_from name;

-- Rows that an ivfflat index, or its part in a partition, was built with: its centres stay those of these rows.
CREATE TABLE IF NOT EXISTS pgwright.vector_builds (
  index_oid oid PRIMARY KEY,
  row_count bigint NOT NULL
);

GRANT SELECT ON pgwright.vector_builds, pgwright.vector_indexes, pgwright.vector_settings, pgwright.vector_measurements TO PUBLIC;
