-- Routing of sessions and messages, and the keys between users, conversations and messages.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE solo_owner;

INSERT INTO users.users (id, email)
OVERRIDING SYSTEM VALUE
SELECT -n, format('user%s@test.example', n) FROM generate_series(1, 200) AS n;

INSERT INTO users.sessions (country_code, user_id, token_hash, expires_at)
SELECT c, -1, sha256(convert_to(c, 'UTF8')), now() + interval '1 day' FROM unnest('{DE,US,NZ}'::text[]) AS c;

INSERT INTO users.conversations (id, user_id) OVERRIDING SYSTEM VALUE SELECT -n, -n FROM generate_series(1, 200) AS n;
INSERT INTO users.messages (user_id, conversation_id, role, content)
SELECT -n, -n, 'user', 'hello' FROM generate_series(1, 200) AS n;

DO $$
BEGIN
  ASSERT (
    SELECT array_agg(s.tableoid::regclass::text ORDER BY s.country_code)
      = '{users.sessions_europe,users.sessions_default,users.sessions_north_america}'
    FROM users.sessions AS s
    WHERE s.user_id = -1
  ), 'sessions go to the partition of their country';
  ASSERT (SELECT count(DISTINCT m.tableoid) = 4 FROM users.messages AS m WHERE m.user_id < 0), 'messages spread over 4 partitions';
  ASSERT (SELECT count(DISTINCT m.tableoid) = 1 FROM users.messages AS m WHERE m.user_id = -1), 'those of a user stay together';

  BEGIN
    INSERT INTO users.messages (user_id, conversation_id, role, content) VALUES (-1, -2, 'user', 'intruder');
    ASSERT false, 'a message in the conversation of another user is refused';
  EXCEPTION WHEN foreign_key_violation THEN
    NULL;
  END;

  BEGIN
    INSERT INTO users.users (email) VALUES ('USER1@test.example');
    ASSERT false, 'the same mailbox in another case is refused';
  EXCEPTION WHEN unique_violation THEN
    NULL;
  END;

  BEGIN
    INSERT INTO users.sessions (country_code, user_id, token_hash, expires_at)
    VALUES ('de', -1, sha256('x'), now() + interval '1 day');
    ASSERT false, 'a country code in lower case is refused';
  EXCEPTION WHEN check_violation THEN
    NULL;
  END;

  DELETE FROM users.users WHERE id = -1;
  ASSERT NOT EXISTS (SELECT FROM users.messages WHERE user_id = -1), 'messages go with their user';
  ASSERT NOT EXISTS (SELECT FROM users.sessions WHERE user_id = -1), 'sessions go with their user';
END
$$;
ROLLBACK;
