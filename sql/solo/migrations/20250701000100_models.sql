-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

CREATE TABLE models.models (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  provider text NOT NULL CHECK (provider <> ''),
  name text NOT NULL CHECK (name <> ''),
  version text NOT NULL DEFAULT '',
  kind text NOT NULL CHECK (kind IN ('chat', 'completion', 'embedding', 'rerank')),
  context_tokens bigint CHECK (context_tokens > 0),
  embedding_dimensions bigint CHECK (embedding_dimensions > 0),
  parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Metrics and chunks keep pointing at a model, so one is retired and not deleted.
  retired_at timestamptz,
  CONSTRAINT models_identity_key UNIQUE (provider, name, version),
  CONSTRAINT models_embedding_check CHECK ((kind = 'embedding') = (embedding_dimensions IS NOT NULL))
);

COMMENT ON TABLE models.models IS
'Language and embedding models that conversations, chunks and metrics refer to; retired, never deleted.';

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE models.models;
