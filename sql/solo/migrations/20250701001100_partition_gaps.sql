-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- Empty while the partition job works: a row is an alarm, three months before rows go to a DEFAULT partition.
CREATE VIEW metrics.partition_gaps WITH (security_invoker = true) AS
SELECT
  'metrics'::name AS parent_schema,
  c.relname AS parent,
  m.missing_from,
  m.missing_to
FROM pg_catalog.pg_class AS c
CROSS JOIN generate_series(0, 3) AS month_offset (months)
CROSS JOIN LATERAL (
  SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => month_offset.months) AS starts_at
) AS utc
CROSS JOIN LATERAL (
  SELECT
    utc.starts_at AT TIME ZONE 'UTC' AS missing_from,
    (utc.starts_at + interval '1 month') AT TIME ZONE 'UTC' AS missing_to
) AS m
WHERE
  c.oid = ANY (ARRAY['metrics.system_metrics', 'metrics.llm_metrics']::regclass [])
  AND NOT coalesce((
    SELECT range_agg(tstzrange(p.lower_bound, p.upper_bound)) @> tstzrange(m.missing_from, m.missing_to)
    FROM metrics.range_partitions(c.oid::regclass) AS p
    WHERE NOT p.is_default
  ), false);

COMMENT ON VIEW metrics.partition_gaps IS 'Months from this one to three ahead that a metrics table has no partition for.';

-- migrate:down
DROP VIEW metrics.partition_gaps;
