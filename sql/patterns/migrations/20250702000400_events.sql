-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

-- Its partitions are a set of the stack, which makes them ahead and drops old ones. Without a DEFAULT partition nobody waits
-- for that.
CREATE TABLE patterns.events (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  -- No cascade: what happened is not deleted along with an account by accident.
  user_id uuid NOT NULL REFERENCES patterns.users (id),
  event_type text NOT NULL CHECK (char_length(event_type) BETWEEN 1 AND 50),
  data jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- A key of a partitioned table must contain what it is partitioned by: id alone is refused.
  CONSTRAINT events_pkey PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

COMMENT ON TABLE patterns.events IS 'What users did, RANGE partitioned by UTC month.';

-- Composite: the newest events of a user, or of a type, come in the order of the index.
CREATE INDEX idx_events_user_id ON patterns.events (user_id, created_at DESC);
CREATE INDEX idx_events_event_type ON patterns.events (event_type, created_at DESC);

-- jsonb_path_ops: only containment (@>) is asked of events, and the index is smaller.
CREATE INDEX idx_events_data ON patterns.events USING gin (data jsonb_path_ops);

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE patterns.events;
