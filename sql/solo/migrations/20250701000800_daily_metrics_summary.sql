-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- Outlives the samples, whose partitions are dropped after a while.
CREATE TABLE metrics.daily_metrics_summary (
  day date PRIMARY KEY,
  samples bigint NOT NULL CHECK (samples >= 0),
  cpu_percent_avg double precision,
  cpu_percent_max double precision,
  memory_percent_avg double precision,
  memory_percent_max double precision,
  load_1m_avg double precision,
  load_1m_max double precision,
  disk_read_bytes bigint,
  disk_written_bytes bigint,
  network_received_bytes bigint,
  network_sent_bytes bigint,
  connections_avg double precision,
  connections_max bigint,
  commits bigint,
  rollbacks bigint,
  cache_hit_ratio_avg double precision,
  database_size_bytes bigint,
  wal_bytes bigint,
  deadlocks bigint,
  temp_bytes bigint,
  llm_requests bigint NOT NULL CHECK (llm_requests >= 0),
  llm_errors bigint NOT NULL CHECK (llm_errors BETWEEN 0 AND llm_requests),
  llm_prompt_tokens bigint NOT NULL,
  llm_completion_tokens bigint NOT NULL,
  llm_latency_ms_p95 double precision,
  summarised_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE metrics.daily_metrics_summary IS 'One UTC day of metrics a row; written by metrics.summarise_day.';
COMMENT ON COLUMN metrics.daily_metrics_summary.database_size_bytes IS 'Size at the last sample of the day.';

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE metrics.daily_metrics_summary;
