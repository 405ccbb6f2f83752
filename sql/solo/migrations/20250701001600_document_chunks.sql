-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

CREATE TABLE rag.document_chunks (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  document_id bigint NOT NULL REFERENCES rag.documents (id) ON DELETE CASCADE,
  chunk_index bigint NOT NULL CHECK (chunk_index >= 0),
  content text NOT NULL CHECK (content <> ''),
  token_count bigint CHECK (token_count > 0),
  -- Vectors of different models cannot be compared.
  model_id bigint REFERENCES models.models (id),
  -- 384 dimensions: what the small models that run on a CPU give (MiniLM-L6, bge-small, e5-small). A vector is 1.5 kB,
  -- so it stays in its row instead of being moved out of it, and about five share a page of the index.
  embedding extensions.vector(384),
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT document_chunks_position_key UNIQUE (document_id, chunk_index)
);

COMMENT ON TABLE rag.document_chunks IS 'Chunks of documents with their embedding, NULL until it is computed.';
COMMENT ON COLUMN rag.document_chunks.embedding IS 'Compared by cosine distance, operator <=>; a zero vector is never found.';

CREATE INDEX idx_document_chunks_model_id ON rag.document_chunks (model_id);

-- For exact words, names and misspellings, which embeddings miss.
CREATE INDEX idx_document_chunks_content ON rag.document_chunks USING gin (content extensions.gin_trgm_ops);

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE rag.document_chunks;
