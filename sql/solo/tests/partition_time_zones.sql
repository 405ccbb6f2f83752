-- Months are months of UTC in sessions of any TimeZone and DateStyle.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE solo_owner;

-- Already January in Auckland, still December in UTC.
SET LOCAL timezone = 'Pacific/Auckland';
SELECT partition_name FROM metrics.create_future_partitions(0, '2047-12-31 23:30:00+00');

-- Still December in New York, already January in UTC; and a DateStyle with which bounds are hard to read back.
SET LOCAL timezone = 'America/New_York';
SET LOCAL datestyle = 'German, DMY';
SELECT partition_name FROM metrics.create_future_partitions(0, timestamptz '2048-01-01 00:30:00+00');

-- Daylight saving time begins and ends within these months.
SELECT partition_name FROM metrics.create_future_partitions(11, timestamptz '2049-01-01 00:00:00+00');

DO $$
BEGIN
  ASSERT to_regclass('metrics.system_metrics_y2047m12') IS NOT NULL, 'Auckland: December of UTC';
  ASSERT to_regclass('metrics.system_metrics_y2048m01') IS NOT NULL, 'New York: January of UTC';
  ASSERT to_regclass('metrics.system_metrics_y2048m02') IS NULL, 'nothing more';
  ASSERT NOT EXISTS (
    SELECT
    FROM metrics.range_partitions('metrics.system_metrics') AS p
    WHERE p.lower_bound <> date_trunc('month', p.lower_bound, 'UTC')
      OR p.upper_bound <> (date_trunc('month', p.lower_bound AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'
  ), 'all bounds are midnight of UTC';
  -- Seen from another zone the same months are still found: by bounds, not by their text.
  SET LOCAL timezone = 'Asia/Kolkata';
  ASSERT NOT EXISTS (SELECT FROM metrics.create_future_partitions(11, timestamptz '2049-01-31 23:00:00+00')),
    'months created from New York are found from Kolkata';
END
$$;
ROLLBACK;
