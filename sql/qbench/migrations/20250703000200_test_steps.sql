-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

CREATE TABLE qbench.test_steps (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  document_id bigint NOT NULL REFERENCES qbench.test_documents (id) ON DELETE CASCADE,
  step_index bigint NOT NULL CHECK (step_index >= 0),
  action text NOT NULL CHECK (action <> ''),
  expected text NOT NULL DEFAULT '',
  embedding extensions.vector(1536),
  embedding_model text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT test_steps_position_key UNIQUE (document_id, step_index),
  CONSTRAINT test_steps_model_check CHECK (embedding IS NULL OR embedding_model IS NOT NULL)
);

COMMENT ON TABLE qbench.test_steps IS 'Steps of test cases, in their order.';
COMMENT ON COLUMN qbench.test_steps.embedding IS 'Compared by cosine distance, operator <=>; a zero vector is never found.';

CREATE INDEX idx_test_steps_to_embed ON qbench.test_steps (id) WHERE embedding IS NULL;

CREATE TRIGGER test_steps_updated_at BEFORE UPDATE ON qbench.test_steps
FOR EACH ROW EXECUTE FUNCTION qbench.touch_updated_at();

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE qbench.test_steps;
