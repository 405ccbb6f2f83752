-- What stands in the way is named, and nothing is half done.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE solo_owner;

CREATE TABLE metrics.system_metrics_y2047m12 (unrelated text);

DO $$
DECLARE
  v_message text;
BEGIN
  BEGIN
    PERFORM metrics.create_future_partitions(1, '2047-11-15 00:00:00+00');
    ASSERT false, 'a table of that name is an error';
  EXCEPTION WHEN duplicate_table THEN
    GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT;
  END;
  ASSERT v_message LIKE 'metrics.system_metrics_y2047m12 exists and is not the partition of metrics.system_metrics for 2047-12-01 %',
    format('the message names both: %s', v_message);
  ASSERT to_regclass('metrics.system_metrics_y2047m11') IS NULL, 'the month before was rolled back too';
END
$$;

-- A partition of that name with other bounds is no better.
DROP TABLE metrics.system_metrics_y2047m12;
CREATE TABLE metrics.system_metrics_y2047m12 PARTITION OF metrics.system_metrics
FOR VALUES FROM ('2044-12-01 00:00:00+00') TO ('2045-01-01 00:00:00+00');

DO $$
BEGIN
  PERFORM metrics.create_future_partitions(0, '2047-12-15 00:00:00+00');
  ASSERT false, 'a partition of another month with that name is an error';
EXCEPTION WHEN duplicate_table THEN
  NULL;
END
$$;

-- Months covered under other names count as there: by a wider partition, by two halves.
CREATE TABLE metrics.quarter PARTITION OF metrics.system_metrics
FOR VALUES FROM ('2046-01-01 00:00:00+00') TO ('2046-04-01 00:00:00+00');
CREATE TABLE metrics.half_one PARTITION OF metrics.system_metrics
FOR VALUES FROM ('2046-04-01 00:00:00+00') TO ('2046-04-16 00:00:00+00');
CREATE TABLE metrics.half_two PARTITION OF metrics.system_metrics
FOR VALUES FROM ('2046-04-16 00:00:00+00') TO ('2046-05-01 00:00:00+00');

DO $$
BEGIN
  ASSERT (
    SELECT array_agg(p.partition_name ORDER BY p.from_time) = '{metrics.system_metrics_y2046m05}'
    FROM metrics.create_future_partitions(4, '2046-01-15 00:00:00+00') AS p
    WHERE p.partition_name LIKE 'metrics.system%'
  ), 'only the month nobody covers is created';
END
$$;

-- Covered in part: neither skipped nor guessed.
CREATE TABLE metrics.eleven_days PARTITION OF metrics.system_metrics
FOR VALUES FROM ('2045-06-10 00:00:00+00') TO ('2045-06-21 00:00:00+00');

DO $$
DECLARE
  v_message text;
BEGIN
  BEGIN
    PERFORM metrics.create_future_partitions(0, '2045-06-15 00:00:00+00');
    ASSERT false, 'a month covered in part is an error';
  EXCEPTION WHEN invalid_object_definition THEN
    GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT;
  END;
  ASSERT v_message LIKE '%metrics.eleven_days cover only a part%', format('the message names it: %s', v_message);
END
$$;

-- Bounds without an end.
CREATE TABLE metrics.far_future PARTITION OF metrics.llm_metrics FOR VALUES FROM ('2080-01-01 00:00:00+00') TO (MAXVALUE);

DO $$
BEGIN
  ASSERT NOT EXISTS (
    SELECT FROM metrics.create_future_partitions(1, '2081-01-15 00:00:00+00') AS p WHERE p.partition_name LIKE 'metrics.llm%'
  ), 'MAXVALUE covers every later month';
END
$$;
ROLLBACK;
