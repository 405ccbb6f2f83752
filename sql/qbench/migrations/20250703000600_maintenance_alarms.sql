-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

CREATE TABLE maintenance.size_samples (
  sampled_at timestamptz NOT NULL,
  relname text NOT NULL,
  rows_estimate bigint NOT NULL,
  total_bytes bigint NOT NULL,
  CONSTRAINT size_samples_pkey PRIMARY KEY (relname, sampled_at)
);

COMMENT ON TABLE maintenance.size_samples IS 'Size of each table, and of the database as "*", once a day: how fast it grows.';

CREATE FUNCTION maintenance.sample_sizes(p_keep interval DEFAULT '400 days', p_now timestamptz DEFAULT now())
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_count bigint;
BEGIN
  IF p_keep IS NULL OR p_keep < interval '1 day' OR p_now IS NULL OR NOT isfinite(p_now) THEN
    RAISE EXCEPTION 'p_keep must be a day or more and p_now a finite time, not % and %',
      coalesce(p_keep::text, 'NULL'), coalesce(p_now::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  DELETE FROM maintenance.size_samples AS s WHERE s.sampled_at < p_now - p_keep;
  INSERT INTO maintenance.size_samples (sampled_at, relname, rows_estimate, total_bytes)
  SELECT p_now, t.schemaname || '.' || t.relname, t.rows_estimate, t.total_bytes
  FROM maintenance.table_sizes AS t
  -- A table that is dropped meanwhile has no size.
  WHERE t.total_bytes IS NOT NULL
  UNION ALL
  SELECT p_now, '*', 0, pg_database_size(current_database())
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END
$$;

COMMENT ON FUNCTION maintenance.sample_sizes(interval, timestamptz) IS
'Writes a sample, deletes samples that are older than p_keep, and returns how many rows the sample has.';

CREATE FUNCTION maintenance.alarms(
  p_database_bytes bigint DEFAULT 53687091200,
  p_connections_percent numeric DEFAULT 80,
  p_search_ms double precision DEFAULT 1000,
  p_missing_percent numeric DEFAULT 5
)
RETURNS TABLE (alarm text, detail text)
LANGUAGE sql
STABLE
SECURITY INVOKER
BEGIN ATOMIC
  SELECT 'database size', pg_size_pretty(pg_database_size(current_database())) || ' of ' || pg_size_pretty(p_database_bytes)
  WHERE pg_database_size(current_database()) > p_database_bytes
  UNION ALL
  SELECT 'connections', format('%s of %s', sum(c.connection_count), c.max_connections)
  FROM maintenance.connections AS c
  GROUP BY c.max_connections
  HAVING 100.0 * sum(c.connection_count) / c.max_connections > p_connections_percent
  UNION ALL
  SELECT 'slow search', format('%s ms on average of %s calls: %s', round(q.mean_ms), q.calls, left(q.query, 80))
  FROM maintenance.slow_embedding_queries AS q
  WHERE q.mean_ms > p_search_ms
  UNION ALL
  SELECT 'invalid index', format('%I.%I of %I', u.schemaname, u.indexrelname, u.relname)
  FROM maintenance.index_usage AS u
  WHERE NOT u.valid
  UNION ALL
  SELECT 'missing embeddings', format('%s of %s rows of %s', m.missing, m.row_count, m.relname)
  FROM maintenance.missing_embeddings AS m
  WHERE m.missing * 100 > m.row_count * p_missing_percent;
END;

COMMENT ON FUNCTION maintenance.alarms(bigint, numeric, double precision, numeric) IS
'What somebody should look at: no row if all is well. NULL for a limit switches it off. Takes pg_monitor.';

-- migrate:down
DROP FUNCTION maintenance.alarms(bigint, numeric, double precision, numeric);
DROP FUNCTION maintenance.sample_sizes(interval, timestamptz);
-- squawk-ignore ban-drop-table
DROP TABLE maintenance.size_samples;
