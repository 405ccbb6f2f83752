-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

CREATE TABLE metrics.llm_metrics (
  id bigint GENERATED ALWAYS AS IDENTITY,
  "timestamp" timestamptz NOT NULL DEFAULT now(),
  model_id bigint NOT NULL,
  -- No foreign key: the figures outlive the account.
  user_id bigint,
  prompt_tokens bigint NOT NULL DEFAULT 0 CHECK (prompt_tokens >= 0),
  completion_tokens bigint NOT NULL DEFAULT 0 CHECK (completion_tokens >= 0),
  first_token_ms double precision CHECK (first_token_ms >= 0),
  latency_ms double precision NOT NULL CHECK (latency_ms >= 0),
  cost numeric(14, 6) CHECK (cost >= 0),
  error text,
  CONSTRAINT llm_metrics_pkey PRIMARY KEY (id, "timestamp"),
  CONSTRAINT llm_metrics_model_id_fkey FOREIGN KEY (model_id) REFERENCES models.models (id)
) PARTITION BY RANGE ("timestamp");

COMMENT ON TABLE metrics.llm_metrics IS
'One request to a language model a row, RANGE partitioned by UTC month; error is NULL when it succeeded.';

CREATE TABLE metrics.llm_metrics_default PARTITION OF metrics.llm_metrics DEFAULT;

COMMENT ON TABLE metrics.llm_metrics_default IS 'Requests of months without a partition; should be empty.';

CREATE INDEX idx_llm_metrics_timestamp ON metrics.llm_metrics ("timestamp");
CREATE INDEX idx_llm_metrics_model_id ON metrics.llm_metrics (model_id, "timestamp");

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE metrics.llm_metrics;
