-- The monitoring views, read by the role that monitors.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE solo_owner;
SELECT count(*) FROM metrics.create_future_partitions(3);
SET LOCAL ROLE readonly_role;

DO $$
BEGIN
  ASSERT NOT EXISTS (SELECT FROM metrics.partition_gaps), 'no gaps after the job has run';
  ASSERT (
    SELECT count(DISTINCT (o.parent_schema, o.parent)) FROM metrics.partition_overview AS o
  ) >= 4, 'all partitioned tables are listed';
  ASSERT (
    SELECT array_agg(o.child::text ORDER BY o.child) = '{messages_p0,messages_p1,messages_p2,messages_p3}'
    FROM metrics.partition_overview AS o
    WHERE o.parent_schema = 'users' AND o.parent = 'messages' AND NOT o.is_default
  ), 'HASH partitions are listed';
  ASSERT (
    SELECT count(*) >= 3 AND bool_and(o.bounds = 'DEFAULT')
    FROM metrics.partition_overview AS o
    WHERE o.is_default
  ), 'DEFAULT partitions are marked';
  ASSERT (
    SELECT bool_and(o.bytes > 0 AND o.rows_estimate >= 0 AND o.size <> '') FROM metrics.partition_overview AS o
  ), 'sizes and rows are there';
END
$$;

SET LOCAL ROLE solo_owner;

DO $$
DECLARE
  v_next timestamptz := (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
  EXECUTE format(
    'ALTER TABLE metrics.llm_metrics DETACH PARTITION metrics.%I',
    (SELECT p.partition_name FROM metrics.range_partitions('metrics.llm_metrics') AS p WHERE p.lower_bound = v_next)
  );
END
$$;

SET LOCAL ROLE readonly_role;
SET LOCAL timezone = 'America/New_York';
SET LOCAL datestyle = 'German, DMY';

DO $$
BEGIN
  ASSERT (
    SELECT
      count(*) = 1
      AND bool_and(g.parent_schema = 'metrics' AND g.parent = 'llm_metrics')
      AND bool_and(g.missing_from AT TIME ZONE 'UTC' = date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month')
      AND bool_and(g.missing_to AT TIME ZONE 'UTC' = date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months')
    FROM metrics.partition_gaps AS g
  ), 'the month that lost its partition is a gap';
END
$$;
ROLLBACK;
