-- Views for operators and alerts.

CREATE OR REPLACE VIEW pgwright.partitions AS
SELECT
  s.parent,
  format('%I.%I', b.partition_schema, b.partition_name) AS partition,
  b.bound,
  b.is_default,
  b.detach_pending,
  pgwright.partition_rows(b.partition) AS rows_estimate,
  pgwright.partition_bytes(b.partition) AS bytes,
  pg_size_pretty(pgwright.partition_bytes(b.partition)) AS size
FROM pgwright.partition_sets AS s
CROSS JOIN LATERAL pgwright.partition_bounds(to_regclass(s.parent), s.kind) AS b;

COMMENT ON VIEW pgwright.partitions IS 'Partitions of all declared sets, with their bounds, estimated rows, and size with indexes.';

CREATE OR REPLACE VIEW pgwright.partition_health AS
SELECT
  s.parent,
  s.kind,
  s.interval,
  count(b.partition) FILTER (WHERE NOT b.is_default) AS partitions,
  (array_agg(b.bound ORDER BY b.lower_position) FILTER (WHERE NOT b.is_default))[1] AS oldest,
  (array_agg(b.bound ORDER BY b.upper_position DESC) FILTER (WHERE NOT b.is_default))[1] AS newest,
  CASE WHEN s.kind IN ('time', 'uuid7') THEN
    to_timestamp(nullif(max(b.upper_position) FILTER (WHERE b.upper_position < 'Infinity'), 'Infinity'))
  END AS horizon,
  coalesce(sum(pgwright.partition_rows(b.partition)) FILTER (WHERE b.is_default), 0) AS rows_in_default,
  coalesce(sum(pgwright.partition_bytes(b.partition)), 0) AS bytes,
  s.last_run,
  s.last_success,
  s.last_error,
  coalesce(s.last_success < now() - interval '1 day', true) AS overdue,
  (
    SELECT concat_ws(', ', format('%s: %s', c.action, c.phase), format('%s of about %s rows copied', c.copied, c.rows_estimate),
      c.compared || ' compared', 'waiting ' || c.waits)
    FROM pgwright.partition_copies AS c WHERE c.parent = s.parent AND c.phase <> 'done'
  ) AS copying,
  s.attention
FROM pgwright.partition_sets AS s
LEFT JOIN LATERAL pgwright.partition_bounds(to_regclass(s.parent), s.kind) AS b ON true
GROUP BY s.parent;

COMMENT ON VIEW pgwright.partition_health IS
'One row per set: until when it has partitions, rows in DEFAULT, size, and results of its runs. Alert on overdue, last_error, attention and rows_in_default.';

GRANT SELECT ON pgwright.partitions, pgwright.partition_health TO PUBLIC;

-- Partitions that a query would read after pruning, by EXPLAIN.
CREATE OR REPLACE FUNCTION pgwright.partitions_scanned(p_query text, p_parent regclass)
RETURNS TABLE (partition text, scanned boolean)
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON, VERBOSE, COSTS OFF) ' || p_query INTO v_plan;
  RETURN QUERY
  SELECT format('%I.%I', n.nspname, c.relname), EXISTS (
    SELECT FROM jsonb_path_query(v_plan, 'strict $.**') AS node
    WHERE jsonb_typeof(node) = 'object' AND node ->> 'Relation Name' = c.relname AND node ->> 'Schema' = n.nspname
  )
  FROM pg_catalog.pg_partition_tree(p_parent) AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.relid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE t.isleaf
  ORDER BY 1;
END
$$;
