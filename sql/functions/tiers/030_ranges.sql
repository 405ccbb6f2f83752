-- Ranges of time, in UTC, independent of the TimeZone of the session.

CREATE OR REPLACE FUNCTION pgwright.tiers_floor(p_time timestamptz, p_width interval)
RETURNS timestamptz
LANGUAGE sql
IMMUTABLE
STRICT
PARALLEL SAFE
SECURITY INVOKER
SET search_path = ''
AS $$
  -- Widths divide a day, so any midnight in UTC can be the origin.
  SELECT date_bin(p_width, p_time, timestamptz '2000-01-01 00:00:00+00')
$$;

-- The time an interval before a time, in the calendar of UTC.
CREATE OR REPLACE FUNCTION pgwright.tiers_before(p_time timestamptz, p_age interval)
RETURNS timestamptz
LANGUAGE sql
IMMUTABLE
STRICT
PARALLEL SAFE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT ((p_time AT TIME ZONE 'UTC') - p_age) AT TIME ZONE 'UTC'
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_finite(p_now timestamptz)
RETURNS timestamptz
LANGUAGE plpgsql
IMMUTABLE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  IF p_now IS NULL OR NOT isfinite(p_now) THEN
    RAISE EXCEPTION 'p_now must be a finite time, not %', coalesce(p_now::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  RETURN p_now;
END
$$;

-- A time for messages, the same in each session.
CREATE OR REPLACE FUNCTION pgwright.tiers_utc(p_time timestamptz)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI"Z"')
$$;

-- Width of the ranges of _wa_partition, and how long a table of _wa receives writes.
CREATE OR REPLACE FUNCTION pgwright.tiers_minutes(p_set pgwright.tiers_sets)
RETURNS interval
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT make_interval(mins => (p_set.config ->> 'walMinutes')::int)
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_hours(p_set pgwright.tiers_sets)
RETURNS interval
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT make_interval(hours => (p_set.config ->> 'intervalHours')::int)
$$;

-- Older rows belong into _partition. The range before the current one stays open for late rows.
CREATE OR REPLACE FUNCTION pgwright.tiers_cutoff(p_set pgwright.tiers_sets, p_now timestamptz)
RETURNS timestamptz
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT pgwright.tiers_floor(p_now, pgwright.tiers_hours(p_set)) - pgwright.tiers_hours(p_set)
$$;

-- Partitions from the catalog, which is slow: tiers_ranges reads the same from T_tables. TimeZone and DateStyle are set for pg_get_expr.
CREATE OR REPLACE FUNCTION pgwright.tiers_partitions(p_parent regclass)
RETURNS TABLE (relation regclass, lower_bound timestamptz, upper_bound timestamptz)
LANGUAGE sql
STABLE
STRICT
SECURITY INVOKER
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
  SELECT
    c.oid::regclass,
    CASE b.bounds[1] WHEN 'MINVALUE' THEN '-infinity' ELSE btrim(b.bounds[1], '''')::timestamptz END,
    CASE b.bounds[2] WHEN 'MAXVALUE' THEN 'infinity' ELSE btrim(b.bounds[2], '''')::timestamptz END
  FROM pg_catalog.pg_inherits AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
  CROSS JOIN LATERAL (
    SELECT regexp_match(pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM \((.+)\) TO \((.+)\)$') AS bounds
  ) AS b
  WHERE i.inhparent = p_parent AND NOT i.inhdetachpending AND b.bounds IS NOT NULL
$$;
