-- Pure: a position is the value of the partition key as a number: seconds since 1970 in UTC for times and UUIDv7, the number itself for
-- numbers. Columns without a time zone are read as UTC.

-- Periods of an interval that hold any position from p_from to p_to, and p_ahead more, in order. Their bounds depend only on interval and
-- zone.
CREATE OR REPLACE FUNCTION pgwright.partition_periods(
  p_kind text,
  p_interval text,
  p_zone text,
  p_from numeric,
  p_to numeric,
  p_ahead int DEFAULT 0
)
RETURNS TABLE (lower_position numeric, upper_position numeric)
LANGUAGE plpgsql
STABLE
SET search_path = ''
SET intervalstyle = 'postgres'
AS $$
DECLARE
  c_most CONSTANT int := 20000;
  v_interval interval;
  v_months int := 0;
  v_seconds numeric;
  v_first numeric;
  v_last numeric;
  v_width numeric;
  v_count numeric;
  v_origin timestamp := '0001-01-01';
  v_clock_from timestamp;
  v_clock_to timestamp;
BEGIN
  IF p_kind = 'integer' THEN
    v_width := p_interval::numeric;
    IF v_width < 1 OR v_width <> trunc(v_width) THEN
      RAISE EXCEPTION 'interval "%" is not allowed; write a whole number from 1 on', p_interval
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
  ELSE
    v_interval := p_interval::interval;
    v_months := (extract(year FROM v_interval) * 12 + extract(month FROM v_interval))::int;
    v_seconds := extract(epoch FROM v_interval - make_interval(months => v_months));
    IF v_months < 0 OR v_seconds < 0 OR (v_months > 0) = (v_seconds > 0)
      OR v_months > 0 AND 12 % v_months <> 0 AND v_months % 12 <> 0
      OR v_seconds > 0 AND 86400 % v_seconds <> 0 AND v_seconds % 86400 <> 0
      OR v_seconds > 0 AND v_seconds <> trunc(v_seconds)
    THEN
      RAISE EXCEPTION 'interval "%" is not allowed; write seconds, minutes or hours that divide a day, days or weeks, or '
        'months or years that divide a year or are whole years, such as 15 minutes, 1 day, 1 month, 3 months', p_interval
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
    v_width := CASE WHEN v_months > 0 THEN v_months * 2629746 ELSE v_seconds END;
  END IF;
  v_count := (p_to - p_from) / v_width;
  IF v_count > c_most THEN
    RAISE EXCEPTION 'interval "%" requires % partitions, and at most % are created', p_interval, ceil(v_count), c_most
      USING ERRCODE = 'program_limit_exceeded', HINT = 'Choose a longer interval, or a later start.';
  END IF;

  -- Intervals below a day are counted in UTC, so that a change of clocks neither skips nor doubles a period.
  IF p_kind = 'integer' OR v_seconds > 0 AND v_seconds < 86400 THEN
    RETURN QUERY
    SELECT n * v_width, (n + 1) * v_width
    FROM generate_series(floor(p_from / v_width), floor(p_to / v_width) + p_ahead) AS n;
    RETURN;
  END IF;

  -- Days and months begin at midnight in the zone. One period more on both sides: if clocks go back over midnight, a time can be
  -- before the midnight of its own day.
  v_clock_from := to_timestamp(p_from) AT TIME ZONE p_zone;
  v_clock_to := to_timestamp(p_to) AT TIME ZONE p_zone;
  IF v_months > 0 THEN
    v_first := floor((extract(year FROM v_clock_from) * 12 + extract(month FROM v_clock_from) - 13) / v_months) - 1;
    v_last := floor((extract(year FROM v_clock_to) * 12 + extract(month FROM v_clock_to) - 13) / v_months) + 1;
  ELSE
    -- 0001-01-01 is a Monday, so weeks begin on Mondays.
    v_first := floor(extract(epoch FROM v_clock_from - v_origin) / v_seconds) - 1;
    v_last := floor(extract(epoch FROM v_clock_to - v_origin) / v_seconds) + 1;
  END IF;
  -- And one more: a day that a zone skipped has no length and does not count.
  v_last := v_last + p_ahead + 1;
  RETURN QUERY
  SELECT p.lower_bound, p.upper_bound
  FROM (
    SELECT b.lower_bound, b.upper_bound, count(*) FILTER (WHERE b.lower_bound > p_to) OVER (ORDER BY b.lower_bound) AS ahead
    FROM (
      -- Each bound once: a period ends where the next begins.
      SELECT n.bound AS lower_bound, lead(n.bound) OVER (ORDER BY n.n) AS upper_bound
      FROM (
        SELECT n, pgwright.partition_midnight(v_origin + (v_interval * n::double precision), p_zone) AS bound
        FROM generate_series(v_first, v_last + 1) AS n
      ) AS n
    ) AS b
    WHERE b.upper_bound > p_from AND b.lower_bound < b.upper_bound
  ) AS p
  WHERE p.ahead <= p_ahead
  ORDER BY 1;
END
$$;

-- The time at which a day begins. If clocks go back to midnight, there are two: PostgreSQL returns the second, the day begins with the
-- first. One expression without SET, so that PostgreSQL can inline it: plans call it often. All its names are in pg_catalog.
CREATE OR REPLACE FUNCTION pgwright.partition_midnight(p_day timestamp, p_zone text)
RETURNS numeric
LANGUAGE sql
STABLE
RETURN extract(epoch FROM (p_day AT TIME ZONE p_zone) - greatest(
  interval '0', (((p_day AT TIME ZONE p_zone) - interval '1 second') AT TIME ZONE p_zone) - p_day + interval '1 second'
));

-- A position as the text of a bound of this type. Always with the offset of UTC, independent of the session's time zone.
CREATE OR REPLACE FUNCTION pgwright.partition_literal(p_type regtype, p_kind text, p_position numeric)
RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
BEGIN
  RETURN CASE
    WHEN p_kind = 'integer' THEN p_position::text
    WHEN p_kind = 'uuid7' THEN rpad(lpad(to_hex((p_position * 1000)::bigint), 12, '0'), 32, '0')::uuid::text
    WHEN p_type = 'date'::regtype THEN to_timestamp(p_position)::date::text
    WHEN p_type = 'timestamp'::regtype THEN to_timestamp(p_position)::timestamp::text
    ELSE to_timestamp(p_position)::text
  END;
END
$$;

-- The position of a literal. One expression, so that PostgreSQL can inline it. The caller sets the time zone to UTC.
CREATE OR REPLACE FUNCTION pgwright.partition_position(p_kind text, p_literal text)
RETURNS numeric
LANGUAGE sql
STABLE
RETURN CASE
  WHEN p_literal = 'MINVALUE' THEN '-Infinity'::numeric
  WHEN p_literal = 'MAXVALUE' THEN 'Infinity'::numeric
  WHEN p_kind = 'integer' THEN btrim(p_literal, '''')::numeric
  WHEN p_kind = 'uuid7' THEN ('x' || left(replace(btrim(p_literal, ''''), '-', ''), 12))::bit(48)::bigint::numeric / 1000
  ELSE extract(epoch FROM btrim(p_literal, '''')::timestamptz)
END;

-- The current position of a set. A column without a time zone has the local time of the set's zone.
CREATE OR REPLACE FUNCTION pgwright.partition_clock(p_type regtype, p_zone text, p_now timestamptz)
RETURNS numeric
LANGUAGE plpgsql
STABLE
SET search_path = ''
SET timezone = 'UTC'
AS $$
BEGIN
  RETURN extract(epoch FROM CASE
    WHEN p_type IN ('date'::regtype, 'timestamp'::regtype) THEN (p_now AT TIME ZONE p_zone)::timestamptz
    ELSE p_now
  END);
END
$$;

-- A name with a suffix, cut so that the suffix fits. The limit of 63 is in bytes, not in characters.
CREATE OR REPLACE FUNCTION pgwright.partition_beside(p_name name, p_suffix text, p_room int DEFAULT 63)
RETURNS text
LANGUAGE plpgsql
IMMUTABLE
SET search_path = ''
AS $$
DECLARE
  v_base text := p_name;
BEGIN
  WHILE v_base <> '' AND octet_length(v_base) + octet_length(p_suffix) > p_room LOOP
    v_base := left(v_base, length(v_base) - 1);
  END LOOP;
  RETURN v_base || p_suffix;
END
$$;

-- The name of a partition. For a part of a period it includes where the part begins.
CREATE OR REPLACE FUNCTION pgwright.partition_name(
  p_parent name,
  p_kind text,
  p_interval text,
  p_zone text,
  p_naming text,
  p_lower numeric,
  p_piece boolean DEFAULT false
)
RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = ''
SET timezone = 'UTC'
AS $$
DECLARE
  v_pattern text := p_naming;
  v_interval interval;
  v_at timestamp;
  v_suffix text;
BEGIN
  IF p_kind = 'integer' THEN
    v_suffix := replace(coalesce(v_pattern, '_n{N}'), '{N}', CASE WHEN p_lower < 0 THEN 'm' ELSE '' END || abs(p_lower)::text);
  ELSE
    v_interval := p_interval::interval;
    -- Intervals below a day are counted in UTC, and named so.
    v_at := to_timestamp(p_lower) AT TIME ZONE CASE WHEN v_interval < interval '1 day' THEN 'UTC' ELSE p_zone END;
    v_pattern := coalesce(v_pattern, CASE
      WHEN v_interval >= interval '1 year' AND extract(month FROM v_interval) = 0 AND extract(day FROM v_interval) = 0 THEN '_y{YYYY}'
      WHEN v_interval = interval '3 months' THEN '_y{YYYY}q{Q}'
      WHEN v_interval >= interval '1 month' AND extract(day FROM v_interval) = 0 THEN '_y{YYYY}m{MM}'
      WHEN v_interval = interval '7 days' THEN '_y{IYYY}w{IW}'
      WHEN v_interval >= interval '1 day' THEN '_y{YYYY}m{MM}d{DD}'
      WHEN v_interval >= interval '1 hour' THEN '_y{YYYY}m{MM}d{DD}h{HH24}'
      ELSE '_y{YYYY}m{MM}d{DD}h{HH24}{MI}' || CASE WHEN v_interval < interval '1 minute' THEN '{SS}' ELSE '' END
    END);
    v_suffix := v_pattern;
    FOR v_pattern IN SELECT m[1] FROM regexp_matches(v_suffix, '\{([A-Z0-9]+)\}', 'g') AS m LOOP
      v_suffix := replace(v_suffix, '{' || v_pattern || '}', to_char(v_at, v_pattern));
    END LOOP;
    -- to_char does not distinguish BC from AD in this format.
    v_suffix := v_suffix || CASE WHEN v_at < '0001-01-01' THEN '_bc' ELSE '' END || CASE WHEN p_piece THEN to_char(v_at, '_YYYYMMDD"t"HH24MI') ELSE '' END;
  END IF;
  RETURN pgwright.partition_beside(p_parent, v_suffix);
END
$$;
