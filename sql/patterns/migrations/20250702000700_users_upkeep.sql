-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- Months of UTC, whatever the TimeZone of the session. A month without new users has a row as well: lag() compares with the row
-- before, which has to be the month before.
CREATE FUNCTION patterns.monthly_signups(p_months int DEFAULT 12, p_now timestamptz DEFAULT now())
RETURNS TABLE (month date, new_users bigint, cumulative_users bigint, month_over_month_change bigint)
LANGUAGE sql
STABLE
SECURITY INVOKER
BEGIN ATOMIC
  WITH bounds AS (
    SELECT
      date_trunc('month', p_now AT TIME ZONE 'UTC') - make_interval(months => p_months - 1) AS first_month,
      date_trunc('month', p_now AT TIME ZONE 'UTC') AS last_month
  ),

  signups AS (
    SELECT date_trunc('month', u.created_at AT TIME ZONE 'UTC') AS month, count(*) AS users
    FROM patterns.users AS u
    WHERE
      u.created_at >= (SELECT b.first_month AT TIME ZONE 'UTC' FROM bounds AS b)
      AND u.created_at < (SELECT (b.last_month + interval '1 month') AT TIME ZONE 'UTC' FROM bounds AS b)
    GROUP BY 1
  ),

  before AS (
    SELECT count(*) AS users
    FROM patterns.users AS u
    WHERE u.created_at < (SELECT b.first_month AT TIME ZONE 'UTC' FROM bounds AS b)
  )

  SELECT
    m.month::date,
    coalesce(s.users, 0) AS new_users,
    (before.users + sum(coalesce(s.users, 0)) OVER months)::bigint AS cumulative_users,
    coalesce(s.users, 0) - lag(coalesce(s.users, 0)) OVER months AS month_over_month_change
  FROM bounds AS b
  CROSS JOIN before
  CROSS JOIN LATERAL generate_series(b.first_month, b.last_month, interval '1 month') AS m (month)
  LEFT JOIN signups AS s ON s.month = m.month
  WINDOW months AS (ORDER BY m.month)
  ORDER BY m.month;
END;

COMMENT ON FUNCTION patterns.monthly_signups(int, timestamptz) IS
'New users by UTC month, with all there were by its end and the difference to the month before, which the first row does not know.';

-- Those who have never done anything: the foreign key of events refuses others.
CREATE FUNCTION patterns.forget_unverified(p_age interval DEFAULT '30 days', p_now timestamptz DEFAULT now())
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_count bigint;
BEGIN
  IF p_age IS NULL OR p_age < interval '1 day' OR p_now IS NULL OR NOT isfinite(p_now) THEN
    RAISE EXCEPTION 'p_age must be a day or more and p_now a finite time, not % and %',
      coalesce(p_age::text, 'NULL'), coalesce(p_now::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  DELETE FROM patterns.users AS u
  WHERE NOT u.email_verified AND u.created_at < p_now - p_age
    AND NOT EXISTS (SELECT FROM patterns.events AS e WHERE e.user_id = u.id);
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END
$$;

COMMENT ON FUNCTION patterns.forget_unverified(interval, timestamptz) IS
'Deletes accounts whose e-mail address nobody has confirmed for so long and that have no events; returns how many.';

-- migrate:down
DROP FUNCTION patterns.forget_unverified(interval, timestamptz);
DROP FUNCTION patterns.monthly_signups(int, timestamptz);
