-- One call, one row of real figures, as the role of the job.
BEGIN;
SET LOCAL search_path = '';

-- A first call, whatever was counted before.
DELETE FROM metrics.collector_counters;
SET LOCAL ROLE metrics_collector;

DO $$
DECLARE
  v_first metrics.system_metrics;
  v_second metrics.system_metrics;
  v_id bigint;
  v_until timestamptz;
BEGIN
  v_id := metrics.collect_system_metrics('2047-12-15 00:00:00+00');
  SELECT m.* INTO STRICT v_first FROM metrics.system_metrics AS m WHERE m.id = v_id AND m."timestamp" = '2047-12-15 00:00:00+00';

  ASSERT v_first.cpu_percent IS NULL AND v_first.commits IS NULL AND v_first.interval_seconds IS NULL,
    'differences are not known in the first call';
  ASSERT v_first.memory_total_bytes > 0 AND v_first.memory_used_bytes BETWEEN 1 AND v_first.memory_total_bytes, 'memory';
  ASSERT v_first.memory_percent BETWEEN 0 AND 100, 'memory percent';
  ASSERT v_first.load_1m >= 0 AND v_first.load_5m >= 0 AND v_first.load_15m >= 0, 'load average';
  ASSERT v_first.database_size_bytes > 1000000, 'database size';
  ASSERT v_first.connections >= 1, 'this connection counts';

  -- Keep a CPU busy, so that there is a figure to see.
  v_until := clock_timestamp() + interval '500 milliseconds';
  WHILE clock_timestamp() < v_until LOOP
    NULL;
  END LOOP;

  v_id := metrics.collect_system_metrics('2047-12-15 00:01:00+00');
  SELECT m.* INTO STRICT v_second FROM metrics.system_metrics AS m WHERE m.id = v_id AND m."timestamp" = '2047-12-15 00:01:00+00';

  ASSERT v_second.interval_seconds = 60, 'the interval since the call before';
  ASSERT v_second.cpu_percent > 0 AND v_second.cpu_percent <= 100, format('CPU since the call before: %s', v_second.cpu_percent);
  ASSERT v_second.commits >= 0 AND v_second.rollbacks >= 0 AND v_second.wal_bytes >= 0, 'transactions and WAL';
  ASSERT v_second.deadlocks >= 0 AND v_second.temp_bytes >= 0, 'deadlocks and temporary files';
  ASSERT v_second.disk_read_bytes >= 0 AND v_second.disk_written_bytes >= 0, 'block I/O';

  -- A clock that stands still or goes back gives no interval, and no error.
  v_id := metrics.collect_system_metrics('2047-12-15 00:00:30+00');
  ASSERT (
    SELECT m.interval_seconds IS NULL
    FROM metrics.system_metrics AS m
    WHERE m.id = v_id AND m."timestamp" = '2047-12-15 00:00:30+00'
  ), 'no interval when the clock went back';

  -- As after a reboot and pg_stat_reset: all counters start again.
  UPDATE metrics.collector_counters SET
    cpu_total = 9e17, cpu_idle = 9e17, disk_read_bytes = 9e17, commits = 9e17, blocks_hit = 9e17, wal_bytes = 9e17;
  v_id := metrics.collect_system_metrics('2047-12-15 00:02:00+00');
  ASSERT (
    SELECT
      m.cpu_percent IS NULL AND m.disk_read_bytes IS NULL AND m.commits IS NULL AND m.cache_hit_ratio IS NULL
      AND m.wal_bytes IS NULL AND m.rollbacks IS NOT NULL
    FROM metrics.system_metrics AS m
    WHERE m.id = v_id AND m."timestamp" = '2047-12-15 00:02:00+00'
  ), 'a counter that was reset gives NULL, the others go on';

  ASSERT (SELECT count(*) FROM metrics.collector_counters) = 1, 'one row of counters';
END
$$;

-- The role can do its job and no more.
DO $$
DECLARE
  v_statement text;
BEGIN
  FOREACH v_statement IN ARRAY ARRAY[
    'DELETE FROM metrics.system_metrics',
    'UPDATE metrics.system_metrics SET cpu_percent = 0',
    'ALTER FOREIGN TABLE metrics.proc_stat OPTIONS (SET filename ''/etc/passwd'')',
    'CREATE TABLE metrics.mine (a int)',
    'SELECT pg_read_file(''/etc/passwd'')',
    'SELECT FROM users.users',
    'SELECT metrics.create_future_partitions(1)'
  ] LOOP
    BEGIN
      EXECUTE v_statement;
      ASSERT false, format('metrics_collector may not: %s', v_statement);
    EXCEPTION WHEN insufficient_privilege THEN
      NULL;
    END;
  END LOOP;
END
$$;

-- Nor can the owner point a foreign table at another file, once it may not name server files.
RESET ROLE;
REVOKE pg_read_server_files FROM solo_owner;
SET LOCAL ROLE solo_owner;

DO $$
BEGIN
  ASSERT EXISTS (SELECT FROM metrics.proc_stat AS s WHERE s.line LIKE 'cpu %'), 'reading goes on without pg_read_server_files';
  ALTER FOREIGN TABLE metrics.proc_stat OPTIONS (SET filename '/etc/passwd');
  ASSERT false, 'the file cannot be changed without pg_read_server_files';
EXCEPTION WHEN insufficient_privilege THEN
  NULL;
END
$$;
ROLLBACK;
