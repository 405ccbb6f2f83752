-- New users by month, and accounts that nobody has confirmed. Nobody else's account has a part in it.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL timezone = 'Pacific/Auckland';
SET LOCAL ROLE patterns_owner;

CREATE TABLE patterns.events_test PARTITION OF patterns.events FOR VALUES FROM ('2050-01-01 00:00+00') TO ('2051-01-01 00:00+00');

SET LOCAL ROLE patterns_app;

INSERT INTO patterns.users (email, password_hash, email_verified, created_at)
SELECT format('month%s@test.example', n), 'x', n % 2 = 0, c.at
FROM unnest(ARRAY[
  '2049-12-31 23:59:59.999999+00', '2050-01-01 00:00:00+00', '2050-01-31 23:59:59+00', '2050-03-01 00:00:00+00',
  '2050-03-15 00:00:00+00', '2050-03-31 23:59:59+00', '2050-04-10 00:00:00+00'
]::timestamptz[]) WITH ORDINALITY AS c (at, n);

DO $$
DECLARE
  v_before bigint := (SELECT count(*) FROM patterns.users AS u WHERE u.created_at < '2049-12-01');
BEGIN
  ASSERT (
    SELECT array_agg((s.month, s.new_users, s.cumulative_users - v_before, s.month_over_month_change)::text ORDER BY s.month)
      = '{"(2049-12-01,1,1,)","(2050-01-01,2,3,1)","(2050-02-01,0,3,-2)","(2050-03-01,3,6,3)"}'
    FROM patterns.monthly_signups(4, '2050-03-20 12:00:00+00') AS s
  ), format('%s', (SELECT array_agg(s ORDER BY s.month) FROM patterns.monthly_signups(4, '2050-03-20 12:00:00+00') AS s));
  ASSERT (SELECT count(*) = 12 FROM patterns.monthly_signups()), 'a year';
END
$$;

INSERT INTO patterns.events (user_id, event_type, created_at)
SELECT u.id, 'login', '2050-03-02 00:00+00' FROM patterns.users AS u WHERE u.created_at = '2050-01-31 23:59:59+00';

SET LOCAL ROLE patterns_keeper;

DO $$
DECLARE
  v_others bigint := (
    SELECT count(*) FROM patterns.users AS u
    WHERE u.created_at < '2049-12-01' AND NOT u.email_verified AND NOT EXISTS (SELECT FROM patterns.events AS e WHERE e.user_id = u.id)
  );
BEGIN
  -- Before 2050-03-10: 1 to 4, of which 2 and 4 are confirmed, and 3 has an event.
  ASSERT patterns.forget_unverified('30 days', '2050-04-09 00:00+00') = v_others + 1, 'forgotten';
  ASSERT (
    SELECT array_agg(u.created_at ORDER BY u.created_at)
      = '{2050-01-01 00:00+00,2050-01-31 23:59:59+00,2050-03-01 00:00+00,2050-03-15 00:00+00,2050-03-31 23:59:59+00,2050-04-10 00:00+00}'
    FROM patterns.users AS u WHERE u.created_at > '2049-12-01'
  ), 'who is left';

  BEGIN
    PERFORM patterns.forget_unverified('0');
    ASSERT false, 'not those who have just come';
  EXCEPTION WHEN invalid_parameter_value THEN
    NULL;
  END;
END
$$;
ROLLBACK;
