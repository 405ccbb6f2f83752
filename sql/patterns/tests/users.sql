-- Accounts: one an address, found by a part of the name and by words of the profile; updated_at.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE patterns_app;

INSERT INTO patterns.users (id, email, username, password_hash, updated_at)
VALUES
('00000000-0000-0000-0000-000000000001', 'Katherine@test.example', 'katherine_johnson', 'x', '2000-01-01 00:00:00+00'),
('00000000-0000-0000-0000-000000000002', 'grace@test.example', 'grace_hopper', 'x', '2000-01-01 00:00:00+00'),
('00000000-0000-0000-0000-000000000003', 'will@test.example', NULL, 'x', '2000-01-01 00:00:00+00');

INSERT INTO patterns.user_profiles (user_id, display_name, bio, languages, preferences)
VALUES
('00000000-0000-0000-0000-000000000001', 'Katherine J.', 'Calculated the orbits of rockets.', '{en}',
  '{"theme": "dark", "mail": {"weekly": true}}'),
('00000000-0000-0000-0000-000000000003', 'Will The First', NULL, '{en,de}', '{"theme": "light"}');

-- Filler, so that an index is worth it.
INSERT INTO patterns.users (email, username, password_hash)
SELECT format('filler%s@test.example', n), md5(n::text), 'x' FROM generate_series(1, 2000) AS n;
INSERT INTO patterns.user_profiles (user_id, display_name, bio, preferences)
SELECT u.id, md5(u.username), md5('b' || u.username), '{"theme": "system"}'
FROM patterns.users AS u WHERE u.email LIKE 'filler%';

SET LOCAL ROLE patterns_owner;
-- What was just written is looked through row by row until it is in the index, which makes the index look dear.
SELECT gin_clean_pending_list('patterns.idx_users_username_trgm') >= 0 AS cleaned;
ANALYZE patterns.users, patterns.user_profiles;
SET LOCAL ROLE patterns_app;

DO $$
DECLARE
  v_plan text;
  v_found record;
BEGIN
  SELECT s.* INTO STRICT v_found FROM patterns.search_users('kathrine jonson') AS s;
  ASSERT v_found.username = 'katherine_johnson' AND v_found.username_sim > 0.4, format('misspelt: %s', v_found);
  SELECT s.* INTO STRICT v_found FROM patterns.search_users('rocket orbit') AS s;
  ASSERT v_found.username = 'katherine_johnson' AND v_found.search_rank > 0, 'words of the bio, stemmed';
  SELECT s.* INTO STRICT v_found FROM patterns.search_users('will') AS s;
  ASSERT v_found.display_name = 'Will The First' AND v_found.username_sim = 0, 'a stop word is a name; there need be no username';
  ASSERT (SELECT count(*) = 0 FROM patterns.search_users('')), 'an empty query finds nobody';

  FOR v_found IN EXECUTE 'EXPLAIN SELECT * FROM patterns.search_users(''kathrine'')' LOOP
    v_plan := concat_ws(E'\n', v_plan, v_found."QUERY PLAN");
  END LOOP;
  ASSERT v_plan LIKE '%idx_users_username_trgm%', format('the trigram index: %s', v_plan);
  ASSERT v_plan LIKE '%idx_user_profiles_search%', format('the index of words: %s', v_plan);

  v_plan := NULL;
  FOR v_found IN EXECUTE $query$
    EXPLAIN SELECT * FROM patterns.user_profiles WHERE preferences @> '{"mail": {"weekly": true}}'
  $query$ LOOP
    v_plan := concat_ws(E'\n', v_plan, v_found."QUERY PLAN");
  END LOOP;
  ASSERT v_plan LIKE '%idx_user_profiles_preferences%', format('the index of preferences: %s', v_plan);
  ASSERT (SELECT count(*) = 1 FROM patterns.user_profiles AS p WHERE p.preferences ? 'mail'), 'a key';
  ASSERT (SELECT count(*) = 1 FROM patterns.user_profiles AS p WHERE p.languages @> '{de}'), 'a value of an array';

  BEGIN
    INSERT INTO patterns.users (email, password_hash) VALUES ('KATHERINE@test.example', 'x');
    ASSERT false, 'the same mailbox in another case is refused';
  EXCEPTION WHEN unique_violation THEN
    NULL;
  END;

  UPDATE patterns.users SET last_login_at = now(), updated_at = '1999-01-01' WHERE id = '00000000-0000-0000-0000-000000000001';
  ASSERT (
    SELECT u.updated_at = now() FROM patterns.users AS u WHERE u.id = '00000000-0000-0000-0000-000000000001'
  ), 'updated_at is when it was, whatever the statement says';

  UPDATE patterns.user_profiles SET bio = 'Now wrote compilers.' WHERE user_id = '00000000-0000-0000-0000-000000000001';
  ASSERT (SELECT count(*) = 0 FROM patterns.search_users('rocket orbit')), 'words that are gone';
  ASSERT (SELECT count(*) = 1 FROM patterns.search_users('compiler')), 'words that are new';

  DELETE FROM patterns.users WHERE id = '00000000-0000-0000-0000-000000000001';
  ASSERT NOT EXISTS (
    SELECT FROM patterns.user_profiles WHERE user_id = '00000000-0000-0000-0000-000000000001'
  ), 'a profile goes with its user';
END
$$;
ROLLBACK;
