-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- One row: the raw counters of the last call, which the next one subtracts.
CREATE TABLE metrics.collector_counters (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  taken_at timestamptz,
  cpu_total bigint,
  cpu_idle bigint,
  disk_read_bytes bigint,
  disk_written_bytes bigint,
  network_received_bytes bigint,
  network_sent_bytes bigint,
  commits bigint,
  rollbacks bigint,
  blocks_hit bigint,
  blocks_read bigint,
  wal_bytes bigint,
  deadlocks bigint,
  temp_bytes bigint
);

COMMENT ON TABLE metrics.collector_counters IS 'Raw counters at the last call of metrics.collect_system_metrics.';

-- A counter that fell was reset (reboot, pg_stat_reset): what happened since is not known, and not negative.
CREATE FUNCTION metrics.counter_delta(p_new bigint, p_old bigint)
RETURNS bigint
LANGUAGE sql
IMMUTABLE
STRICT
PARALLEL SAFE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT CASE WHEN p_new >= p_old THEN p_new - p_old END
$$;

COMMENT ON FUNCTION metrics.counter_delta(bigint, bigint) IS 'Growth of a counter; NULL when it was reset or is not known.';

CREATE FUNCTION metrics.collect_system_metrics(p_now timestamptz DEFAULT now())
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_old metrics.collector_counters;
  v_new metrics.collector_counters;
  v_row metrics.system_metrics;
  v_cpu_total bigint;
  v_cpu_idle bigint;
  v_blocks bigint;
BEGIN
  IF p_now IS NULL OR NOT isfinite(p_now) THEN
    RAISE EXCEPTION 'p_now must be a finite time, not %', coalesce(p_now::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;

  -- The row lock lets calls that meet take turns; without it both would count the same interval.
  INSERT INTO metrics.collector_counters DEFAULT VALUES ON CONFLICT DO NOTHING;
  SELECT c.* INTO STRICT v_old FROM metrics.collector_counters AS c FOR UPDATE;

  v_new.only_row := true;
  v_new.taken_at := p_now;

  -- cpu user nice system idle iowait irq softirq steal; guest time, which follows, is part of user already.
  SELECT (SELECT sum(ticks::bigint) FROM unnest(f.fields[2:9]) AS ticks), f.fields[5]::bigint + f.fields[6]::bigint
  INTO v_new.cpu_total, v_new.cpu_idle
  FROM metrics.proc_stat AS s
  CROSS JOIN LATERAL regexp_split_to_array(s.line, '\s+') AS f (fields)
  WHERE s.line LIKE 'cpu %';

  -- pgpgin and pgpgout are KiB from and to block devices.
  SELECT
    1024 * max(split_part(s.line, ' ', 2)::bigint) FILTER (WHERE s.line LIKE 'pgpgin %'),
    1024 * max(split_part(s.line, ' ', 2)::bigint) FILTER (WHERE s.line LIKE 'pgpgout %')
  INTO v_new.disk_read_bytes, v_new.disk_written_bytes
  FROM metrics.proc_vmstat AS s;

  -- Received bytes are the first figure after the name, sent bytes the ninth; loopback is not traffic.
  SELECT sum(f.fields[1]::bigint), sum(f.fields[9]::bigint)
  INTO v_new.network_received_bytes, v_new.network_sent_bytes
  FROM metrics.proc_net_dev AS s
  CROSS JOIN LATERAL regexp_match(s.line, '^\s*(\S+):\s*(.*)$') AS m (parts)
  CROSS JOIN LATERAL regexp_split_to_array(m.parts[2], '\s+') AS f (fields)
  WHERE m.parts[1] <> 'lo';

  SELECT d.xact_commit, d.xact_rollback, d.blks_hit, d.blks_read, d.deadlocks, d.temp_bytes
  INTO v_new.commits, v_new.rollbacks, v_new.blocks_hit, v_new.blocks_read, v_new.deadlocks, v_new.temp_bytes
  FROM pg_catalog.pg_stat_database AS d
  WHERE d.datname = current_database();

  SELECT w.wal_bytes::bigint INTO v_new.wal_bytes FROM pg_catalog.pg_stat_wal AS w;

  SELECT
    1024 * max((regexp_match(s.line, '\d+'))[1]::bigint) FILTER (WHERE s.line LIKE 'MemTotal:%'),
    1024 * max((regexp_match(s.line, '\d+'))[1]::bigint) FILTER (WHERE s.line LIKE 'MemAvailable:%')
  INTO v_row.memory_total_bytes, v_row.memory_used_bytes
  FROM metrics.proc_meminfo AS s;
  v_row.memory_used_bytes := v_row.memory_total_bytes - v_row.memory_used_bytes;

  SELECT split_part(s.line, ' ', 1), split_part(s.line, ' ', 2), split_part(s.line, ' ', 3)
  INTO v_row.load_1m, v_row.load_5m, v_row.load_15m
  FROM metrics.proc_loadavg AS s
  LIMIT 1;

  SELECT count(*), count(*) FILTER (WHERE a.state = 'active' AND a.pid <> pg_backend_pid())
  INTO v_row.connections, v_row.active_connections
  FROM pg_catalog.pg_stat_activity AS a
  WHERE a.backend_type = 'client backend';

  v_cpu_total := metrics.counter_delta(v_new.cpu_total, v_old.cpu_total);
  v_cpu_idle := metrics.counter_delta(v_new.cpu_idle, v_old.cpu_idle);
  v_blocks := metrics.counter_delta(v_new.blocks_hit, v_old.blocks_hit)
    + metrics.counter_delta(v_new.blocks_read, v_old.blocks_read);

  INSERT INTO metrics.system_metrics (
    "timestamp", interval_seconds, cpu_percent,
    memory_total_bytes, memory_used_bytes, memory_percent,
    load_1m, load_5m, load_15m,
    disk_read_bytes, disk_written_bytes,
    network_received_bytes, network_sent_bytes,
    connections, active_connections,
    commits, rollbacks, cache_hit_ratio,
    database_size_bytes, wal_bytes, deadlocks, temp_bytes
  )
  VALUES (
    p_now,
    CASE WHEN p_now > v_old.taken_at THEN extract(epoch FROM p_now - v_old.taken_at) END,
    CASE WHEN v_cpu_total >= greatest(v_cpu_idle, 1) THEN 100.0 * (v_cpu_total - v_cpu_idle) / v_cpu_total END,
    v_row.memory_total_bytes,
    v_row.memory_used_bytes,
    100 * v_row.memory_used_bytes / nullif(v_row.memory_total_bytes, 0)::double precision,
    v_row.load_1m, v_row.load_5m, v_row.load_15m,
    metrics.counter_delta(v_new.disk_read_bytes, v_old.disk_read_bytes),
    metrics.counter_delta(v_new.disk_written_bytes, v_old.disk_written_bytes),
    metrics.counter_delta(v_new.network_received_bytes, v_old.network_received_bytes),
    metrics.counter_delta(v_new.network_sent_bytes, v_old.network_sent_bytes),
    v_row.connections, v_row.active_connections,
    metrics.counter_delta(v_new.commits, v_old.commits),
    metrics.counter_delta(v_new.rollbacks, v_old.rollbacks),
    metrics.counter_delta(v_new.blocks_hit, v_old.blocks_hit) / nullif(v_blocks, 0)::double precision,
    pg_database_size(current_database()),
    metrics.counter_delta(v_new.wal_bytes, v_old.wal_bytes),
    metrics.counter_delta(v_new.deadlocks, v_old.deadlocks),
    metrics.counter_delta(v_new.temp_bytes, v_old.temp_bytes)
  )
  RETURNING id INTO v_row.id;

  UPDATE metrics.collector_counters SET (
    taken_at, cpu_total, cpu_idle, disk_read_bytes, disk_written_bytes, network_received_bytes, network_sent_bytes,
    commits, rollbacks, blocks_hit, blocks_read, wal_bytes, deadlocks, temp_bytes
  ) = ROW (
    v_new.taken_at, v_new.cpu_total, v_new.cpu_idle, v_new.disk_read_bytes, v_new.disk_written_bytes,
    v_new.network_received_bytes, v_new.network_sent_bytes, v_new.commits, v_new.rollbacks, v_new.blocks_hit,
    v_new.blocks_read, v_new.wal_bytes, v_new.deadlocks, v_new.temp_bytes
  );

  RETURN v_row.id;
END
$$;

COMMENT ON FUNCTION metrics.collect_system_metrics(timestamptz) IS
'Adds one sample to metrics.system_metrics and returns its id. Differences are NULL in the first sample.';

-- migrate:down
DROP FUNCTION metrics.collect_system_metrics(timestamptz);
DROP FUNCTION metrics.counter_delta(bigint, bigint);
-- squawk-ignore ban-drop-table
DROP TABLE metrics.collector_counters;
