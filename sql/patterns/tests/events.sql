-- Events go to the partition of their month and are read there alone; figures of users follow a refresh.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE patterns_owner;

CREATE TABLE patterns.events_test_1 PARTITION OF patterns.events FOR VALUES FROM ('2050-01-01 00:00+00') TO ('2050-02-01 00:00+00');
CREATE TABLE patterns.events_test_2 PARTITION OF patterns.events FOR VALUES FROM ('2050-02-01 00:00+00') TO ('2050-03-01 00:00+00');

SET LOCAL ROLE patterns_app;

INSERT INTO patterns.users (id, email, password_hash)
SELECT format('00000000-0000-0000-0000-%s', lpad(n::text, 12, '0'))::uuid, format('event%s@test.example', n), 'x'
FROM generate_series(1, 100) AS n;

INSERT INTO patterns.events (user_id, event_type, data, created_at)
SELECT
  format('00000000-0000-0000-0000-%s', lpad((n % 99 + 1)::text, 12, '0'))::uuid,
  CASE n % 10 WHEN 0 THEN 'login' ELSE 'view' END,
  jsonb_build_object('page', '/p/' || n, 'device', CASE n % 500 WHEN 0 THEN 'tv' ELSE 'phone' END),
  '2050-01-01 00:00+00'::timestamptz + n * interval '10 minutes'
FROM generate_series(0, 7999) AS n;

SET LOCAL ROLE patterns_owner;
ANALYZE patterns.events;
SET LOCAL ROLE patterns_app;

DO $$
DECLARE
  v_plan text;
  v_line record;
BEGIN
  ASSERT (
    SELECT array_agg(DISTINCT e.tableoid::regclass::text) = '{patterns.events_test_1,patterns.events_test_2}'
    FROM patterns.events AS e WHERE e.created_at >= '2050-01-01'
  ), 'events go to their month';

  FOR v_line IN EXECUTE $query$
    EXPLAIN SELECT * FROM patterns.events
    WHERE user_id = '00000000-0000-0000-0000-000000000001' AND created_at >= '2050-02-01 00:00+00' AND created_at < '2050-02-08 00:00+00'
    ORDER BY created_at DESC LIMIT 10
  $query$ LOOP
    v_plan := concat_ws(E'\n', v_plan, v_line."QUERY PLAN");
  END LOOP;
  ASSERT v_plan LIKE '%events_test_2_user_id_created_at_idx%', format('the index of users: %s', v_plan);
  ASSERT v_plan NOT LIKE '%events_test_1%' AND v_plan NOT LIKE '%Append%', format('one partition: %s', v_plan);

  v_plan := NULL;
  FOR v_line IN EXECUTE $query$
    EXPLAIN SELECT count(*) FROM patterns.events WHERE data @> '{"device": "tv"}' AND created_at >= '2050-01-01 00:00+00'
  $query$ LOOP
    v_plan := concat_ws(E'\n', v_plan, v_line."QUERY PLAN");
  END LOOP;
  ASSERT v_plan LIKE '%events_test_1_data_idx%', format('the index of data: %s', v_plan);
  ASSERT (SELECT count(*) = 16 FROM patterns.events AS e WHERE e.data @> '{"device": "tv"}' AND e.created_at >= '2050-01-01'), 'TVs';

  BEGIN
    INSERT INTO patterns.events (user_id, event_type, created_at) VALUES (gen_random_uuid(), 'view', '2050-01-01 00:00+00');
    ASSERT false, 'an event of nobody is refused';
  EXCEPTION WHEN foreign_key_violation THEN
    NULL;
  END;

  BEGIN
    INSERT INTO patterns.events (user_id, event_type, created_at)
    VALUES ('00000000-0000-0000-0000-000000000001', 'view', '2060-01-01 00:00+00');
    ASSERT false, 'an event of a month without a partition is refused';
  EXCEPTION WHEN check_violation THEN
    NULL;
  END;

  BEGIN
    DELETE FROM patterns.users WHERE id = '00000000-0000-0000-0000-000000000001';
    ASSERT false, 'who has events is not deleted';
  EXCEPTION WHEN foreign_key_violation THEN
    NULL;
  END;
END
$$;

SET LOCAL ROLE patterns_keeper;
SELECT patterns.refresh_user_stats();
SET LOCAL ROLE patterns_app;

DO $$
BEGIN
  ASSERT (
    SELECT s.event_count = 81 AND s.login_count = 9 AND s.last_event_at = '2050-02-25 00:00+00'
    FROM patterns.user_stats AS s WHERE s.email = 'event1@test.example'
  ), format('%s', (SELECT s FROM patterns.user_stats AS s WHERE s.email = 'event1@test.example'));
  ASSERT (
    SELECT s.event_count = 0 AND s.login_count = 0 AND s.last_event_at IS NULL
    FROM patterns.user_stats AS s WHERE s.email = 'event100@test.example'
  ), 'users without events are counted too';
  ASSERT (SELECT sum(s.event_count) = 8000 FROM patterns.user_stats AS s WHERE s.email LIKE 'event%@test.example'), 'all events';

  BEGIN
    PERFORM patterns.refresh_user_stats();
    ASSERT false, 'who may read the figures may not refresh them';
  EXCEPTION WHEN insufficient_privilege THEN
    NULL;
  END;
END
$$;
ROLLBACK;
