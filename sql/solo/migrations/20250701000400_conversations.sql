-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

CREATE TABLE users.conversations (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users.users (id) ON DELETE CASCADE,
  model_id bigint REFERENCES models.models (id),
  title text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  archived_at timestamptz,
  -- The target of the messages' foreign key: a message belongs to the owner of its conversation.
  CONSTRAINT conversations_id_user_id_key UNIQUE (id, user_id)
);

COMMENT ON TABLE users.conversations IS 'Conversations of a user with a model.';

CREATE INDEX idx_conversations_user_id ON users.conversations (user_id, created_at);
CREATE INDEX idx_conversations_model_id ON users.conversations (model_id);

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE users.conversations;
