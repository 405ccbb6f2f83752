-- Rows that wait in a DEFAULT partition move to their month: none lost, none doubled, ids kept.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE solo_owner;

CREATE TEMPORARY TABLE before_move (id bigint, "timestamp" timestamptz, cpu_percent double precision);

WITH inserted AS (
  INSERT INTO metrics.system_metrics ("timestamp", cpu_percent)
  VALUES
  ('2047-11-30 23:59:59.999999+00', 1),
  ('2047-12-01 00:00:00+00', 2),
  ('2047-12-15 12:00:00+00', 3),
  ('2047-12-31 23:59:59.999999+00', 4),
  ('2048-01-01 00:00:00+00', 5),
  ('2048-02-01 00:00:00+00', 6)
  RETURNING id, "timestamp", cpu_percent
)

INSERT INTO pg_temp.before_move SELECT id, "timestamp", cpu_percent FROM inserted;

DO $$
DECLARE
  v_moved bigint[];
  v_id bigint;
BEGIN
  ASSERT (
    SELECT count(*) FROM metrics.system_metrics_default WHERE "timestamp" >= '2047-11-01 00:00+00'
  ) = 6, 'without partitions all rows are in DEFAULT';

  SELECT array_agg(p.rows_moved ORDER BY p.from_time)
  INTO v_moved
  FROM metrics.create_future_partitions(1, '2047-12-24 00:00:00+00') AS p
  WHERE p.partition_name LIKE 'metrics.system%';
  ASSERT v_moved = '{3,1}', format('rows moved a month: %s', v_moved);

  ASSERT (
    SELECT array_agg(m.cpu_percent ORDER BY m.cpu_percent) = '{2,3,4}' FROM metrics.system_metrics_y2047m12 AS m
  ), 'December holds the rows of December, both ends included';
  ASSERT (
    SELECT array_agg(m.cpu_percent ORDER BY m.cpu_percent) = '{1,6}'
    FROM metrics.system_metrics_default AS m
    WHERE m."timestamp" >= '2047-11-01 00:00+00'
  ), 'rows of other months stay in DEFAULT';

  ASSERT NOT EXISTS (
    WITH after_move AS (
      SELECT m.id, m."timestamp", m.cpu_percent FROM metrics.system_metrics AS m WHERE m."timestamp" >= '2047-11-01 00:00+00'
    )
    (TABLE after_move EXCEPT ALL TABLE pg_temp.before_move)
    UNION ALL
    (TABLE pg_temp.before_move EXCEPT ALL TABLE after_move)
  ), 'the same rows with the same ids as before';

  INSERT INTO metrics.system_metrics ("timestamp") VALUES ('2047-12-25 00:00:00+00') RETURNING id INTO v_id;
  ASSERT v_id > (SELECT max(b.id) FROM pg_temp.before_move AS b), 'new ids follow the moved ones';
  ASSERT (SELECT tableoid FROM metrics.system_metrics WHERE id = v_id AND "timestamp" >= '2047-12-25 00:00+00')
    = 'metrics.system_metrics_y2047m12'::regclass, 'new rows go to the new partition';
END
$$;
ROLLBACK;
