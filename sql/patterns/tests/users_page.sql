-- Pages follow each other without a gap and without a row twice, whatever is added meanwhile, and cost the same however far back.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE patterns_app;

-- Four users a second: the order of created_at alone has ties.
INSERT INTO patterns.users (email, username, password_hash, created_at)
SELECT
  format('page%s@test.example', n),
  format('page_%s', n),
  'x',
  '2050-01-01 00:00:00+00'::timestamptz + (n / 4) * interval '1 second'
FROM generate_series(1, 1000) AS n;

INSERT INTO patterns.user_profiles (user_id, display_name)
SELECT u.id, 'Page ' || u.username FROM patterns.users AS u WHERE u.created_at >= '2050-01-01 00:00:00+00' AND u.username LIKE '%7';

DO $$
DECLARE
  v_seen uuid[] := '{}';
  v_wanted uuid[];
  v_page record;
  v_created_at timestamptz := 'infinity';
  v_id uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  v_plan json;
BEGIN
  SELECT array_agg(u.id ORDER BY u.created_at DESC, u.id DESC) INTO v_wanted
  FROM patterns.users AS u WHERE u.created_at >= '2050-01-01 00:00:00+00';

  WHILE cardinality(v_seen) < 1000 LOOP
    SELECT array_agg(p.id ORDER BY p.created_at DESC, p.id DESC) AS ids, min(p.created_at) AS created_at INTO v_page
    FROM patterns.users_page(30, v_created_at, v_id) AS p WHERE p.created_at >= '2050-01-01 00:00:00+00';
    EXIT WHEN v_page.ids IS NULL;
    v_seen := v_seen || v_page.ids;
    v_created_at := v_page.created_at;
    v_id := v_seen[cardinality(v_seen)];
    -- Who comes now is on a page before the next one.
    INSERT INTO patterns.users (email, password_hash, created_at)
    VALUES (format('late%s@test.example', cardinality(v_seen)), 'x', '2051-01-01 00:00:00+00');
  END LOOP;
  ASSERT v_seen = v_wanted, format('%s rows on pages', cardinality(v_seen));

  ASSERT (
    SELECT p.display_name = 'Page page_997'
    FROM patterns.users_page(1000, '2051-01-01 00:00:00+00') AS p WHERE p.username = 'page_997'
  ), 'the name of a profile';
  ASSERT (
    SELECT p.display_name IS NULL
    FROM patterns.users_page(1000, '2051-01-01 00:00:00+00') AS p WHERE p.username = 'page_998'
  ), 'users without a profile are on the page';

  EXECUTE $query$
    EXPLAIN (FORMAT json)
    SELECT * FROM patterns.users_page(20, '2050-01-01 00:01:00+00', '80000000-0000-0000-0000-000000000000')
  $query$ INTO v_plan;
  ASSERT v_plan::text LIKE '%idx_users_created_at%', 'the order of the index';
  ASSERT v_plan::text NOT LIKE '%"Node Type": "Sort"%', 'and nothing is sorted';
END
$$;
ROLLBACK;
