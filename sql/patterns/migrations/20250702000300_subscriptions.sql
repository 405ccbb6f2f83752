-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

CREATE TYPE patterns.plan AS ENUM ('free', 'team', 'business');

COMMENT ON TYPE patterns.plan IS 'What can be subscribed to, from the least to the most.';

CREATE TABLE patterns.subscriptions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES patterns.users (id) ON DELETE CASCADE,
  plan patterns.plan NOT NULL,
  -- From and up to, the latter left out: what ends at noon does not overlap what begins at noon.
  valid tstzrange NOT NULL CHECK (NOT isempty(valid) AND lower_inc(valid) AND NOT upper_inc(valid)),
  created_at timestamptz NOT NULL DEFAULT now(),
  -- One plan at a time: no application could check that against others who subscribe at the same moment. Its index serves @> as
  -- well.
  CONSTRAINT subscriptions_one_at_a_time EXCLUDE USING gist (
    user_id WITH =,
    valid WITH &&
  )
);

COMMENT ON TABLE patterns.subscriptions IS 'Which plan a user has and had, and when; never two at a time.';

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE patterns.subscriptions;
DROP TYPE patterns.plan;
