-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

CREATE FUNCTION apex.touch_updated_at()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = ''
AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

COMMENT ON FUNCTION apex.touch_updated_at() IS
'Trigger: updated_at is when the row was changed last, whoever forgets to say so.';

-- All times are timestamptz, which is an instant. A timestamp is the clock of whoever wrote it: two sessions with different
-- time zones write different values for now(), and an hour in autumn comes twice. Both take 8 bytes.
CREATE TABLE apex.documents (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  title text NOT NULL CHECK (title <> ''),
  doc_type text NOT NULL CHECK (doc_type <> ''),
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  -- 1536 dimensions, as text-embedding-3-small gives; NULL until it is computed.
  embedding extensions.vector(1536),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE apex.documents IS 'Documents, with one embedding of the whole; their text is in apex.chunks.';
COMMENT ON COLUMN apex.documents.embedding IS 'Compared by cosine distance, operator <=>; a zero vector is never found.';

-- Serves conditions on type and time where few rows pass them: then an exact search among those is faster than a vector index.
CREATE INDEX idx_documents_type_created_at ON apex.documents (doc_type, created_at DESC);

CREATE TRIGGER documents_updated_at BEFORE UPDATE ON apex.documents
FOR EACH ROW EXECUTE FUNCTION apex.touch_updated_at();

CREATE TABLE apex.chunks (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  document_id uuid NOT NULL REFERENCES apex.documents (id) ON DELETE CASCADE,
  chunk_index bigint NOT NULL CHECK (chunk_index >= 0),
  content text NOT NULL CHECK (content <> ''),
  embedding extensions.vector(1536),
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Computed when a row is written, so that an index can hold it.
  search tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('pg_catalog.english', content)) STORED,
  CONSTRAINT chunks_position_key UNIQUE (document_id, chunk_index)
);

COMMENT ON TABLE apex.chunks IS 'Parts of documents, in their order; chunk_index begins at 0.';

CREATE INDEX idx_chunks_search ON apex.chunks USING gin (search);

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE apex.chunks;
-- squawk-ignore ban-drop-table
DROP TABLE apex.documents;
DROP FUNCTION apex.touch_updated_at();
