-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

-- Counted columns (commits, bytes, ...) hold what happened in the interval_seconds before the row; NULL is "not known".
CREATE TABLE metrics.system_metrics (
  id bigint GENERATED ALWAYS AS IDENTITY,
  "timestamp" timestamptz NOT NULL DEFAULT now(),
  interval_seconds double precision CHECK (interval_seconds > 0),
  cpu_percent double precision CHECK (cpu_percent BETWEEN 0 AND 100),
  memory_total_bytes bigint CHECK (memory_total_bytes >= 0),
  memory_used_bytes bigint CHECK (memory_used_bytes >= 0),
  memory_percent double precision CHECK (memory_percent BETWEEN 0 AND 100),
  load_1m double precision CHECK (load_1m >= 0),
  load_5m double precision CHECK (load_5m >= 0),
  load_15m double precision CHECK (load_15m >= 0),
  disk_read_bytes bigint CHECK (disk_read_bytes >= 0),
  disk_written_bytes bigint CHECK (disk_written_bytes >= 0),
  network_received_bytes bigint CHECK (network_received_bytes >= 0),
  network_sent_bytes bigint CHECK (network_sent_bytes >= 0),
  connections bigint CHECK (connections >= 0),
  active_connections bigint CHECK (active_connections >= 0),
  commits bigint CHECK (commits >= 0),
  rollbacks bigint CHECK (rollbacks >= 0),
  cache_hit_ratio double precision CHECK (cache_hit_ratio BETWEEN 0 AND 1),
  database_size_bytes bigint CHECK (database_size_bytes >= 0),
  wal_bytes bigint CHECK (wal_bytes >= 0),
  deadlocks bigint CHECK (deadlocks >= 0),
  temp_bytes bigint CHECK (temp_bytes >= 0),
  -- The primary key must contain the partition key.
  CONSTRAINT system_metrics_pkey PRIMARY KEY (id, "timestamp")
) PARTITION BY RANGE ("timestamp");

COMMENT ON TABLE metrics.system_metrics IS
'One sample of machine and server a row, RANGE partitioned by UTC month; see metrics.collect_system_metrics.';

-- Catches what no month has a home for; metrics.create_future_partitions empties it into the months it creates.
CREATE TABLE metrics.system_metrics_default PARTITION OF metrics.system_metrics DEFAULT;

COMMENT ON TABLE metrics.system_metrics_default IS 'Samples of months without a partition; should be empty.';

CREATE INDEX idx_system_metrics_timestamp ON metrics.system_metrics ("timestamp");
CREATE INDEX idx_system_metrics_cpu ON metrics.system_metrics (cpu_percent);

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE metrics.system_metrics;
