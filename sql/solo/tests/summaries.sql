-- A day of UTC in one row; written again it is the same.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE solo_owner;
SET LOCAL timezone = 'Pacific/Auckland';

INSERT INTO metrics.system_metrics ("timestamp", cpu_percent, commits, wal_bytes, database_size_bytes, connections)
VALUES
('2047-12-30 23:59:59.999999+00', 99, 1000, 1000, 1, 99),
('2047-12-31 00:00:00+00', 10, 5, NULL, 100, 3),
('2047-12-31 12:00:00+00', NULL, NULL, 70, 200, 8),
('2047-12-31 23:59:59.999999+00', 30, 6, 7, 300, 4),
('2048-01-01 00:00:00+00', 99, 1000, 1000, 1, 99);

WITH model AS (
  INSERT INTO models.models (provider, name, kind) VALUES ('test', 'summaries', 'chat') RETURNING id
)

INSERT INTO metrics.llm_metrics ("timestamp", model_id, prompt_tokens, completion_tokens, latency_ms, error)
SELECT '2047-12-31 10:00:00+00'::timestamptz + n * interval '1 minute', model.id, 10, 2, n, CASE n WHEN 7 THEN 'timeout' END
FROM model
CROSS JOIN generate_series(1, 101) AS n;

SET LOCAL ROLE metrics_collector;

DO $$
DECLARE
  v_day metrics.daily_metrics_summary;
  v_again metrics.daily_metrics_summary;
BEGIN
  ASSERT metrics.summarise_day('2047-12-31'), 'written';
  SELECT d.* INTO STRICT v_day FROM metrics.daily_metrics_summary AS d WHERE d.day = '2047-12-31';
  ASSERT v_day.samples = 3, format('rows of the UTC day only: %s', v_day.samples);
  ASSERT v_day.cpu_percent_avg = 20 AND v_day.cpu_percent_max = 30, 'NULL is not zero';
  ASSERT v_day.commits = 11 AND v_day.wal_bytes = 77, 'sums';
  ASSERT v_day.connections_avg = 5 AND v_day.connections_max = 8, 'connections';
  ASSERT v_day.database_size_bytes = 300, 'size of the last sample';
  ASSERT v_day.llm_requests = 101 AND v_day.llm_errors = 1, 'requests';
  ASSERT v_day.llm_prompt_tokens = 1010 AND v_day.llm_completion_tokens = 202, 'tokens';
  ASSERT v_day.llm_latency_ms_p95 = 96, format('95th percentile: %s', v_day.llm_latency_ms_p95);

  ASSERT metrics.summarise_day('2047-12-31'), 'written again';
  SELECT d.* INTO STRICT v_again FROM metrics.daily_metrics_summary AS d WHERE d.day = '2047-12-31';
  ASSERT v_again = v_day, 'the same row';

  INSERT INTO metrics.system_metrics ("timestamp", cpu_percent) VALUES ('2047-12-31 13:00:00+00', 90);
  ASSERT metrics.summarise_day('2047-12-31'), 'written with a late row';
  ASSERT (
    SELECT d.samples = 4 AND d.cpu_percent_max = 90 FROM metrics.daily_metrics_summary AS d WHERE d.day = '2047-12-31'
  ), 'a late row is counted';

  ASSERT NOT metrics.summarise_day('2049-01-01'), 'nothing to summarise';
  ASSERT NOT EXISTS (SELECT FROM metrics.daily_metrics_summary AS d WHERE d.day = '2049-01-01'), 'no empty row';
END
$$;

-- Samples go with their partition after a while; the summary stays.
SET LOCAL ROLE solo_owner;
DELETE FROM metrics.system_metrics WHERE "timestamp" >= '2047-12-01 00:00+00';
DELETE FROM metrics.llm_metrics WHERE "timestamp" >= '2047-12-01 00:00+00';
SET LOCAL ROLE metrics_collector;

DO $$
BEGIN
  ASSERT NOT metrics.summarise_day('2047-12-31'), 'not written';
  ASSERT (SELECT d.samples = 4 FROM metrics.daily_metrics_summary AS d WHERE d.day = '2047-12-31'), 'the summary is kept';
END
$$;

DO $$
BEGIN
  PERFORM metrics.summarise_day('infinity');
  ASSERT false, 'infinity is not a day';
EXCEPTION WHEN invalid_parameter_value THEN
  NULL;
END
$$;
ROLLBACK;
