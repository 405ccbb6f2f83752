-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

-- Counted when something changes, as it is read far more often than that.
CREATE TABLE apex.document_stats (
  document_id uuid PRIMARY KEY REFERENCES apex.documents (id) ON DELETE CASCADE,
  chunk_count bigint NOT NULL DEFAULT 0 CHECK (chunk_count >= 0),
  entity_count bigint NOT NULL DEFAULT 0 CHECK (entity_count >= 0),
  last_accessed timestamptz,
  access_count bigint NOT NULL DEFAULT 0 CHECK (access_count >= 0)
)
-- Updates that find room on their page touch no index.
WITH (fillfactor = 80);

COMMENT ON TABLE apex.document_stats IS 'Figures of documents, kept up by triggers on chunks and document_entities.';

-- Once a statement and not once a row: a document with 1000 chunks is counted once. Rows are updated in the order of their key,
-- so that two statements wait for each other instead of blocking each other for ever. A statement that inserts documents and
-- chunks may come here before the documents' own trigger; a document that goes takes its row with it, and finds none to update
-- here.
CREATE FUNCTION apex.count_document_parts()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
  v_chunks boolean := TG_TABLE_NAME = 'chunks';
  v_changed record;
BEGIN
  FOR v_changed IN
    SELECT
      c.document_id,
      CASE WHEN v_chunks THEN count(*) ELSE 0 END AS chunks,
      CASE WHEN v_chunks THEN 0 ELSE count(*) END AS entities
    FROM changed AS c
    GROUP BY c.document_id
    ORDER BY c.document_id
  LOOP
    IF TG_OP = 'INSERT' THEN
      INSERT INTO apex.document_stats AS s (document_id, chunk_count, entity_count)
      VALUES (v_changed.document_id, v_changed.chunks, v_changed.entities)
      ON CONFLICT (document_id) DO UPDATE
      SET chunk_count = s.chunk_count + excluded.chunk_count, entity_count = s.entity_count + excluded.entity_count;
    ELSE
      UPDATE apex.document_stats AS s
      SET chunk_count = s.chunk_count - v_changed.chunks, entity_count = s.entity_count - v_changed.entities
      WHERE s.document_id = v_changed.document_id;
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION apex.count_document_parts() IS
'Trigger: counts the chunks and entities of documents. Nobody else has to be able to write the counts.';

CREATE FUNCTION apex.begin_document_stats()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
  INSERT INTO apex.document_stats (document_id) VALUES (NEW.id) ON CONFLICT (document_id) DO NOTHING;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION apex.begin_document_stats() IS 'Trigger: every document has a row of figures.';

-- Parts do not move: a count of what was would have to go down, and that of what is up.
CREATE FUNCTION apex.refuse_other_document()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = ''
AS $$
BEGIN
  RAISE EXCEPTION '% of document % cannot move to document %', TG_TABLE_NAME, OLD.document_id, NEW.document_id
    USING ERRCODE = 'integrity_constraint_violation', HINT = 'Delete it there, and insert it here.';
END
$$;

COMMENT ON FUNCTION apex.refuse_other_document() IS 'Trigger: what belongs to a document stays with it.';

CREATE TRIGGER documents_stats AFTER INSERT ON apex.documents
FOR EACH ROW EXECUTE FUNCTION apex.begin_document_stats();

CREATE TRIGGER chunks_added AFTER INSERT ON apex.chunks
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION apex.count_document_parts();

CREATE TRIGGER chunks_removed AFTER DELETE ON apex.chunks
REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION apex.count_document_parts();

CREATE TRIGGER chunks_stay BEFORE UPDATE OF document_id ON apex.chunks
FOR EACH ROW WHEN (NEW.document_id IS DISTINCT FROM OLD.document_id) EXECUTE FUNCTION apex.refuse_other_document();

CREATE TRIGGER document_entities_added AFTER INSERT ON apex.document_entities
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION apex.count_document_parts();

CREATE TRIGGER document_entities_removed AFTER DELETE ON apex.document_entities
REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION apex.count_document_parts();

CREATE TRIGGER document_entities_stay BEFORE UPDATE OF document_id ON apex.document_entities
FOR EACH ROW WHEN (NEW.document_id IS DISTINCT FROM OLD.document_id) EXECUTE FUNCTION apex.refuse_other_document();

CREATE FUNCTION apex.note_access(p_document_id uuid, p_now timestamptz DEFAULT now())
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
  UPDATE apex.document_stats AS s
  SET access_count = s.access_count + 1, last_accessed = greatest(s.last_accessed, p_now)
  WHERE s.document_id = p_document_id;
END
$$;

COMMENT ON FUNCTION apex.note_access(uuid, timestamptz) IS
'Counts that a document was read; the only way in which others than the owner write figures.';

-- migrate:down
DROP FUNCTION apex.note_access(uuid, timestamptz);
DROP TRIGGER document_entities_stay ON apex.document_entities;
DROP TRIGGER document_entities_removed ON apex.document_entities;
DROP TRIGGER document_entities_added ON apex.document_entities;
DROP TRIGGER chunks_stay ON apex.chunks;
DROP TRIGGER chunks_removed ON apex.chunks;
DROP TRIGGER chunks_added ON apex.chunks;
DROP TRIGGER documents_stats ON apex.documents;
DROP FUNCTION apex.refuse_other_document();
DROP FUNCTION apex.begin_document_stats();
DROP FUNCTION apex.count_document_parts();
-- squawk-ignore ban-drop-table
DROP TABLE apex.document_stats;
