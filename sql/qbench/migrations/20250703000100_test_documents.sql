-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

-- Test cases as a test management tool exports them. An embedding is NULL until it is computed: maintenance.missing_embeddings
-- counts those.
CREATE TABLE qbench.test_documents (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  test_key text NOT NULL UNIQUE CHECK (test_key <> ''),
  title text NOT NULL CHECK (title <> ''),
  description text NOT NULL DEFAULT '',
  test_type text NOT NULL DEFAULT 'manual' CHECK (test_type IN ('manual', 'automated', 'api', 'performance')),
  priority text NOT NULL DEFAULT 'medium' CHECK (priority IN ('low', 'medium', 'high', 'critical')),
  platforms text[] NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  -- 1536 dimensions are 6,148 bytes: stored out of line, so that reading other columns does not read them.
  embedding extensions.vector(1536),
  -- Vectors of different models cannot be compared.
  embedding_model text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  search tsvector NOT NULL GENERATED ALWAYS AS (
    setweight(to_tsvector('pg_catalog.simple', test_key), 'A')
    || setweight(to_tsvector('pg_catalog.english', title), 'A')
    || setweight(to_tsvector('pg_catalog.english', description), 'B')
  ) STORED,
  CONSTRAINT test_documents_model_check CHECK (embedding IS NULL OR embedding_model IS NOT NULL)
);

COMMENT ON TABLE qbench.test_documents IS 'Test cases, found by meaning and by words.';
COMMENT ON COLUMN qbench.test_documents.embedding IS 'Compared by cosine distance, operator <=>; a zero vector is never found.';

CREATE INDEX idx_test_documents_search ON qbench.test_documents USING gin (search);
CREATE INDEX idx_test_documents_platforms ON qbench.test_documents USING gin (platforms);
CREATE INDEX idx_test_documents_metadata ON qbench.test_documents USING gin (metadata jsonb_path_ops);
CREATE INDEX idx_test_documents_type ON qbench.test_documents (test_type, priority);

-- What the job that computes embeddings has left to do: empty most of the time.
CREATE INDEX idx_test_documents_to_embed ON qbench.test_documents (id) WHERE embedding IS NULL;

CREATE FUNCTION qbench.touch_updated_at()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = ''
AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

COMMENT ON FUNCTION qbench.touch_updated_at() IS
'Trigger: updated_at is when the row was changed last, whoever forgets to say so.';

CREATE TRIGGER test_documents_updated_at BEFORE UPDATE ON qbench.test_documents
FOR EACH ROW EXECUTE FUNCTION qbench.touch_updated_at();

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE qbench.test_documents;
DROP FUNCTION qbench.touch_updated_at();
