-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

CREATE TABLE rag.documents (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- NULL: shared by all users.
  user_id bigint REFERENCES users.users (id) ON DELETE CASCADE,
  title text NOT NULL,
  source_uri text,
  media_type text NOT NULL DEFAULT 'text/plain',
  content_sha256 bytea NOT NULL CHECK (octet_length(content_sha256) = 32),
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz NOT NULL DEFAULT now(),
  indexed_at timestamptz,
  -- One copy of a text an owner: a second upload must not double its chunks in every result.
  CONSTRAINT documents_content_key UNIQUE NULLS NOT DISTINCT (user_id, content_sha256)
);

COMMENT ON TABLE rag.documents IS 'Documents for retrieval-augmented generation; indexed_at is set when all chunks are stored.';

CREATE INDEX idx_documents_metadata ON rag.documents USING gin (metadata jsonb_path_ops);

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE rag.documents;
