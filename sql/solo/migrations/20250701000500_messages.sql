-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

-- HASH partitioned by user: no natural ranges, and every query of the application knows its user.
CREATE TABLE users.messages (
  id bigint GENERATED ALWAYS AS IDENTITY,
  user_id bigint NOT NULL,
  conversation_id bigint NOT NULL,
  role text NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
  content text NOT NULL,
  token_count bigint CHECK (token_count >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT messages_pkey PRIMARY KEY (id, user_id),
  CONSTRAINT messages_conversation_fkey FOREIGN KEY (conversation_id, user_id)
  REFERENCES users.conversations (id, user_id) ON DELETE CASCADE
) PARTITION BY HASH (user_id);

COMMENT ON TABLE users.messages IS 'Messages of conversations, HASH partitioned by user into 4.';

CREATE TABLE users.messages_p0 PARTITION OF users.messages FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE users.messages_p1 PARTITION OF users.messages FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE users.messages_p2 PARTITION OF users.messages FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE users.messages_p3 PARTITION OF users.messages FOR VALUES WITH (MODULUS 4, REMAINDER 3);

CREATE INDEX idx_messages_conversation ON users.messages (conversation_id, user_id, created_at);

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE users.messages;
