-- A row a table, as the role of the job.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE solo_owner;
CREATE TABLE metrics.table_sizes_of_test PARTITION OF metrics.table_sizes FOR VALUES FROM ('2051-03-01+00') TO ('2051-03-02+00');
SET LOCAL ROLE metrics_collector;

DO $$
DECLARE
  v_count bigint;
  v_row metrics.table_sizes;
BEGIN
  v_count := metrics.measure_tables('2051-03-01 00:05+00');
  ASSERT v_count > 10, format('tables: %s', v_count);
  SELECT s.* INTO STRICT v_row FROM metrics.table_sizes AS s
  WHERE s.measured_at = '2051-03-01 00:05+00' AND s.table_name = 'users.users';
  ASSERT v_row.index_bytes > 0, 'indexes';
  ASSERT NOT EXISTS (SELECT FROM metrics.table_sizes AS s WHERE s.table_name = 'metrics.table_sizes'), 'a partitioned table holds nothing';
  ASSERT EXISTS (SELECT FROM metrics.table_sizes AS s WHERE s.table_name = 'users.messages_p0'), 'its partitions do';
  ASSERT metrics.measure_tables('2051-03-01 00:05+00') = 0, 'once a moment';

  BEGIN
    PERFORM metrics.measure_tables('2051-03-02 00:05+00');
    RAISE EXCEPTION 'a day without a partition was accepted';
  EXCEPTION WHEN check_violation THEN
    NULL;
  END;
  BEGIN
    PERFORM metrics.measure_tables(NULL);
    RAISE EXCEPTION 'NULL was accepted';
  EXCEPTION WHEN invalid_parameter_value THEN
    NULL;
  END;
END
$$;
ROLLBACK;
