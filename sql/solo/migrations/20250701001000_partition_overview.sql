-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

CREATE VIEW metrics.partition_overview WITH (security_invoker = true) AS
SELECT
  pn.nspname AS parent_schema,
  p.relname AS parent,
  cn.nspname AS child_schema,
  c.relname AS child,
  pg_get_expr(c.relpartbound, c.oid) AS bounds,
  -- reltuples is -1 until the first ANALYZE
  CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint ELSE pg_stat_get_live_tuples(c.oid) END AS rows_estimate,
  pg_total_relation_size(c.oid) AS bytes,
  pg_size_pretty(pg_total_relation_size(c.oid)) AS size,
  t.partdefid = c.oid AS is_default
FROM pg_catalog.pg_partitioned_table AS t
INNER JOIN pg_catalog.pg_class AS p ON t.partrelid = p.oid
INNER JOIN pg_catalog.pg_namespace AS pn ON p.relnamespace = pn.oid
INNER JOIN pg_catalog.pg_inherits AS i ON t.partrelid = i.inhparent
INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid
INNER JOIN pg_catalog.pg_namespace AS cn ON c.relnamespace = cn.oid
WHERE p.relkind = 'p';

COMMENT ON VIEW metrics.partition_overview IS
'Every partition of this database: bounds, estimated rows and size with indexes. A DEFAULT with rows needs a partition.';

-- migrate:down
DROP VIEW metrics.partition_overview;
