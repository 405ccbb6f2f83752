-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

-- Two tables for one thing: titles and authors are listed all day, and an UPDATE of them writes no new row of vectors, whose
-- index would get an entry more each time.
CREATE TABLE apex.documents_meta (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  title text NOT NULL CHECK (title <> ''),
  doc_type text NOT NULL CHECK (doc_type <> ''),
  author text,
  chunk_count bigint CHECK (chunk_count >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE apex.documents_meta IS 'What is shown of documents; read and changed often.';

CREATE INDEX idx_documents_meta_type_created_at ON apex.documents_meta (doc_type, created_at DESC);

CREATE TRIGGER documents_meta_updated_at BEFORE UPDATE ON apex.documents_meta
FOR EACH ROW EXECUTE FUNCTION apex.touch_updated_at();

CREATE TABLE apex.documents_vectors (
  document_id uuid PRIMARY KEY REFERENCES apex.documents_meta (id) ON DELETE CASCADE,
  embedding extensions.vector(1536) NOT NULL
);

COMMENT ON TABLE apex.documents_vectors IS
'What documents of apex.documents_meta are found by; a document without a row is not embedded yet.';

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE apex.documents_vectors;
-- squawk-ignore ban-drop-table
DROP TABLE apex.documents_meta;
