-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- Its partitions are a set of the stack, which makes them ahead and drops old ones. Without a DEFAULT partition nobody waits for that.
CREATE TABLE metrics.table_sizes (
  measured_at timestamptz NOT NULL,
  table_name text NOT NULL,
  row_estimate bigint CHECK (row_estimate >= 0),
  table_bytes bigint NOT NULL CHECK (table_bytes >= 0),
  index_bytes bigint NOT NULL CHECK (index_bytes >= 0),
  -- The primary key must contain the partition key.
  CONSTRAINT table_sizes_pkey PRIMARY KEY (table_name, measured_at)
) PARTITION BY RANGE (measured_at);

COMMENT ON TABLE metrics.table_sizes IS 'Size of each table and partition, every hour; written by metrics.measure_tables.';
COMMENT ON COLUMN metrics.table_sizes.table_bytes IS 'With what is stored out of line (TOAST), without indexes.';

CREATE FUNCTION metrics.measure_tables(p_now timestamptz DEFAULT now())
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_count bigint;
BEGIN
  IF p_now IS NULL OR NOT isfinite(p_now) THEN
    RAISE EXCEPTION 'p_now must be a finite time, not %', coalesce(p_now::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- A table that is dropped meanwhile has no size.
  INSERT INTO metrics.table_sizes (measured_at, table_name, row_estimate, table_bytes, index_bytes)
  SELECT p_now, format('%I.%I', n.nspname, c.relname), nullif(c.reltuples, -1)::bigint, s.table_bytes, s.index_bytes
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (SELECT pg_catalog.pg_table_size(c.oid), pg_catalog.pg_indexes_size(c.oid)) AS s (table_bytes, index_bytes)
  WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname IN ('metrics', 'models', 'users', 'rag') AND s.table_bytes IS NOT NULL
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END
$$;

COMMENT ON FUNCTION metrics.measure_tables(timestamptz) IS 'Writes the size of each table, and returns how many there were.';

-- migrate:down
DROP FUNCTION metrics.measure_tables(timestamptz);
-- squawk-ignore ban-drop-table
DROP TABLE metrics.table_sizes;
