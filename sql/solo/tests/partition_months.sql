-- Which months get a partition: count, names, bounds, leap year, turn of the year, a second call.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE solo_owner;

DO $$
DECLARE
  v_names text;
  v_bounds text;
BEGIN
  SELECT string_agg(p.partition_name, ' ')
  INTO v_names
  FROM metrics.create_future_partitions(2, '2047-12-31 23:59:59.999999+00') AS p
  WHERE p.partition_name LIKE 'metrics.system%';
  ASSERT v_names = 'metrics.system_metrics_y2047m12 metrics.system_metrics_y2048m01 metrics.system_metrics_y2048m02',
    format('December to February: %s', v_names);

  SELECT pg_get_expr(c.relpartbound, c.oid)
  INTO v_bounds
  FROM pg_catalog.pg_class AS c
  WHERE c.oid = 'metrics.llm_metrics_y2048m02'::regclass AND c.relispartition;
  ASSERT v_bounds LIKE 'FOR VALUES FROM (%) TO (%)', format('llm_metrics has its partition: %s', v_bounds);

  ASSERT (
    SELECT p.upper_bound - p.lower_bound = interval '29 days'
    FROM metrics.range_partitions('metrics.system_metrics') AS p
    WHERE p.partition_name = 'system_metrics_y2048m02'
  ), 'February of a leap year has 29 days';

  ASSERT NOT EXISTS (SELECT FROM metrics.create_future_partitions(2, '2047-12-01 00:00:00+00')), 'a second call creates nothing';

  -- The last day of a month plus months must not skip a short month.
  ASSERT (
    SELECT array_agg(p.from_time ORDER BY p.from_time)
      = '{2051-01-01 00:00+00,2051-02-01 00:00+00,2051-03-01 00:00+00}'::timestamptz[]
    FROM metrics.create_future_partitions(2, '2051-01-31 12:00:00+00') AS p
    WHERE p.partition_name LIKE 'metrics.llm%'
  ), 'no month is skipped from 31 January on';

  ASSERT (SELECT count(*) FROM metrics.create_future_partitions(0, '2060-06-15 00:00:00+00')) = 2, '0 is this month only';
  ASSERT (SELECT count(*) FROM metrics.create_future_partitions(120, '2070-01-15 00:00:00+00')) = 242, '120 is allowed';

  ASSERT (
    SELECT bool_and(c.relowner = 'solo_owner'::regrole)
    FROM metrics.range_partitions('metrics.system_metrics') AS p
    INNER JOIN pg_catalog.pg_class AS c ON p.partition_oid = c.oid
  ), 'partitions belong to the owner of their parent';

  ASSERT (
    SELECT count(*) = 3
    FROM pg_catalog.pg_index AS i
    WHERE i.indrelid = 'metrics.system_metrics_y2048m02'::regclass AND i.indisvalid
  ), 'a new partition has the indexes of its parent';
  ASSERT (
    SELECT a.attidentity = 'a'
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = 'metrics.system_metrics_y2048m02'::regclass AND a.attname = 'id'
  ), 'a new partition has the identity of its parent';
  ASSERT EXISTS (
    SELECT FROM pg_catalog.pg_constraint AS c WHERE c.conrelid = 'metrics.llm_metrics_y2048m02'::regclass AND c.contype = 'f'
  ), 'a new partition has the foreign keys of its parent';
END
$$;
ROLLBACK;
