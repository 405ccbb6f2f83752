-- Ranges of time, in UTC whatever the TimeZone of the session.

CREATE OR REPLACE FUNCTION pgwright.tiers_floor(p_time timestamptz, p_width interval)
RETURNS timestamptz
LANGUAGE sql
IMMUTABLE
STRICT
PARALLEL SAFE
SECURITY INVOKER
SET search_path = ''
AS $$
  -- Widths divide a day, so that any midnight of UTC is an origin.
  SELECT date_bin(p_width, p_time, timestamptz '2000-01-01 00:00:00+00')
$$;

-- An interval of months or days before a time, by the calendar of UTC.
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

-- A time in a message, the same in each session.
CREATE OR REPLACE FUNCTION pgwright.tiers_utc(p_time timestamptz)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI"Z"')
$$;

-- Width of the ranges of _wa_partition, and how long a _wa table takes writes.
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

-- What is older belongs into _partition. The range before the one of now is left time for late rows.
CREATE OR REPLACE FUNCTION pgwright.tiers_cutoff(p_set pgwright.tiers_sets, p_now timestamptz)
RETURNS timestamptz
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT pgwright.tiers_floor(p_now, pgwright.tiers_hours(p_set)) - pgwright.tiers_hours(p_set)
$$;

-- Partitions by what the catalog says, which takes time: tiers_ranges has the same from T_tables. TimeZone and DateStyle: pg_get_expr prints bounds with them, and they are read here.
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
