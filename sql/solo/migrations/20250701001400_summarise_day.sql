-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

CREATE FUNCTION metrics.summarise_day(p_day date DEFAULT (now() AT TIME ZONE 'UTC')::date - 1)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_from timestamptz := p_day::timestamp AT TIME ZONE 'UTC';
  v_to timestamptz := (p_day::timestamp + interval '1 day') AT TIME ZONE 'UTC';
BEGIN
  IF p_day IS NULL OR NOT isfinite(p_day) THEN
    RAISE EXCEPTION 'p_day must be a day, not %', coalesce(p_day::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;

  INSERT INTO metrics.daily_metrics_summary AS d (
    day, samples, cpu_percent_avg, cpu_percent_max, memory_percent_avg, memory_percent_max, load_1m_avg, load_1m_max,
    disk_read_bytes, disk_written_bytes, network_received_bytes, network_sent_bytes, connections_avg, connections_max,
    commits, rollbacks, cache_hit_ratio_avg, database_size_bytes, wal_bytes, deadlocks, temp_bytes,
    llm_requests, llm_errors, llm_prompt_tokens, llm_completion_tokens, llm_latency_ms_p95, summarised_at
  )
  SELECT
    p_day, s.*, l.*, now()
  FROM (
    SELECT
      count(*) AS samples,
      avg(m.cpu_percent), max(m.cpu_percent),
      avg(m.memory_percent), max(m.memory_percent),
      avg(m.load_1m), max(m.load_1m),
      sum(m.disk_read_bytes), sum(m.disk_written_bytes),
      sum(m.network_received_bytes), sum(m.network_sent_bytes),
      avg(m.connections), max(m.connections),
      sum(m.commits), sum(m.rollbacks),
      avg(m.cache_hit_ratio),
      (array_agg(m.database_size_bytes ORDER BY m."timestamp" DESC, m.id DESC))[1],
      sum(m.wal_bytes), sum(m.deadlocks), sum(m.temp_bytes)
    FROM metrics.system_metrics AS m
    WHERE m."timestamp" >= v_from AND m."timestamp" < v_to
  ) AS s
  CROSS JOIN (
    SELECT
      count(*) AS requests,
      count(*) FILTER (WHERE m.error IS NOT NULL),
      coalesce(sum(m.prompt_tokens), 0),
      coalesce(sum(m.completion_tokens), 0),
      percentile_cont(0.95) WITHIN GROUP (ORDER BY m.latency_ms)
    FROM metrics.llm_metrics AS m
    WHERE m."timestamp" >= v_from AND m."timestamp" < v_to
  ) AS l
  -- Nothing left of the day: keep the summary made while its samples were still there.
  WHERE s.samples > 0 OR l.requests > 0
  ON CONFLICT (day) DO UPDATE SET (
    samples, cpu_percent_avg, cpu_percent_max, memory_percent_avg, memory_percent_max, load_1m_avg, load_1m_max,
    disk_read_bytes, disk_written_bytes, network_received_bytes, network_sent_bytes, connections_avg, connections_max,
    commits, rollbacks, cache_hit_ratio_avg, database_size_bytes, wal_bytes, deadlocks, temp_bytes,
    llm_requests, llm_errors, llm_prompt_tokens, llm_completion_tokens, llm_latency_ms_p95, summarised_at
  ) = ROW (
    excluded.samples, excluded.cpu_percent_avg, excluded.cpu_percent_max, excluded.memory_percent_avg,
    excluded.memory_percent_max, excluded.load_1m_avg, excluded.load_1m_max, excluded.disk_read_bytes,
    excluded.disk_written_bytes, excluded.network_received_bytes, excluded.network_sent_bytes,
    excluded.connections_avg, excluded.connections_max, excluded.commits, excluded.rollbacks,
    excluded.cache_hit_ratio_avg, excluded.database_size_bytes, excluded.wal_bytes, excluded.deadlocks,
    excluded.temp_bytes, excluded.llm_requests, excluded.llm_errors, excluded.llm_prompt_tokens,
    excluded.llm_completion_tokens, excluded.llm_latency_ms_p95, excluded.summarised_at
  );

  RETURN FOUND;
END
$$;

COMMENT ON FUNCTION metrics.summarise_day(date) IS
'Writes or rewrites the summary of a UTC day; false when the day has nothing to summarise.';

-- migrate:down
DROP FUNCTION metrics.summarise_day(date);
