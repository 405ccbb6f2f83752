-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- Bodies in BEGIN ATOMIC are parsed when the function is made, so no search_path of a caller changes what they mean, and
-- without SET the planner can put them into the query that calls them. ORDER BY the distance with a LIMIT in the same query is
-- the shape that HNSW and IVFFlat indexes serve; without one it is an exact search. With hnsw.iterative_scan the index gives
-- more until enough rows pass the conditions.

-- The greatest distance is looked at outside: inside it would be a condition that, once nothing near is left, no row passes,
-- and an iterative scan would go on to hnsw.max_scan_tuples for rows that cannot come.
CREATE FUNCTION apex.search_documents(
  p_embedding extensions.vector,
  p_limit int DEFAULT 10,
  p_doc_type text DEFAULT NULL,
  p_since timestamptz DEFAULT '-infinity',
  p_max_distance double precision DEFAULT 2
)
RETURNS TABLE (id uuid, title text, doc_type text, similarity double precision)
LANGUAGE sql
STABLE
SECURITY INVOKER
BEGIN ATOMIC
  WITH nearest AS MATERIALIZED (
    SELECT d.id, d.title, d.doc_type, d.embedding OPERATOR(extensions.<=>) p_embedding AS distance
    FROM apex.documents AS d
    WHERE
      d.embedding IS NOT NULL
      AND (p_doc_type IS NULL OR d.doc_type = p_doc_type)
      AND d.created_at >= p_since
    ORDER BY d.embedding OPERATOR(extensions.<=>) p_embedding
    LIMIT p_limit
  )

  SELECT n.id, n.title, n.doc_type, 1 - n.distance
  FROM nearest AS n
  WHERE n.distance <= p_max_distance
  ORDER BY n.distance, n.id;
END;

COMMENT ON FUNCTION apex.search_documents(extensions.vector, int, text, timestamptz, double precision) IS
'Documents by meaning, the nearest first; the cosine distance is at most 2.';

CREATE FUNCTION apex.search_documents_meta(p_embedding extensions.vector, p_limit int DEFAULT 10, p_doc_type text DEFAULT NULL)
RETURNS TABLE (id uuid, title text, author text, similarity double precision)
LANGUAGE sql
STABLE
SECURITY INVOKER
BEGIN ATOMIC
  SELECT m.id, m.title, m.author, 1 - (v.embedding OPERATOR(extensions.<=>) p_embedding)
  FROM apex.documents_vectors AS v
  INNER JOIN apex.documents_meta AS m ON m.id = v.document_id
  WHERE p_doc_type IS NULL OR m.doc_type = p_doc_type
  ORDER BY v.embedding OPERATOR(extensions.<=>) p_embedding
  LIMIT p_limit;
END;

COMMENT ON FUNCTION apex.search_documents_meta(extensions.vector, int, text) IS
'The same over vectors in a table of their own.';

CREATE FUNCTION apex.search_entities(
  p_title_embedding extensions.vector,
  p_limit int DEFAULT 10,
  p_entity_type text DEFAULT NULL,
  p_metadata jsonb DEFAULT NULL
)
RETURNS TABLE (id uuid, name text, entity_type text, similarity double precision)
LANGUAGE sql
STABLE
SECURITY INVOKER
BEGIN ATOMIC
  SELECT e.id, e.name, e.entity_type, 1 - (e.title_embedding OPERATOR(extensions.<=>) p_title_embedding)
  FROM apex.entities AS e
  WHERE
    e.title_embedding IS NOT NULL
    AND e.state = 'active'
    AND (p_entity_type IS NULL OR e.entity_type = p_entity_type)
    AND (p_metadata IS NULL OR e.metadata @> p_metadata)
  ORDER BY e.title_embedding OPERATOR(extensions.<=>) p_title_embedding
  LIMIT p_limit;
END;

COMMENT ON FUNCTION apex.search_entities(extensions.vector, int, text, jsonb) IS
'Entities by the meaning of their name, those of unfinished sagas left out.';

-- Reciprocal rank fusion: distances and text ranks have no common scale, so what counts is the place in either list.
CREATE FUNCTION apex.search_chunks(
  p_query text,
  p_embedding extensions.vector,
  p_limit int DEFAULT 10,
  p_doc_type text DEFAULT NULL,
  p_candidates int DEFAULT 40
)
RETURNS TABLE (
  id uuid,
  document_id uuid,
  title text,
  content text,
  vector_rank bigint,
  text_rank bigint,
  score double precision
)
LANGUAGE sql
STABLE
SECURITY INVOKER
BEGIN ATOMIC
  WITH by_meaning AS MATERIALIZED (
    SELECT c.id, c.embedding OPERATOR(extensions.<=>) p_embedding AS distance
    FROM apex.chunks AS c
    WHERE
      p_embedding IS NOT NULL
      AND c.embedding IS NOT NULL
      AND (p_doc_type IS NULL OR EXISTS (SELECT FROM apex.documents AS d WHERE d.id = c.document_id AND d.doc_type = p_doc_type))
    ORDER BY c.embedding OPERATOR(extensions.<=>) p_embedding
    LIMIT p_candidates
  ),

  by_words AS MATERIALIZED (
    SELECT c.id, ts_rank_cd(c.search, q.query) AS relevance
    FROM websearch_to_tsquery('pg_catalog.english', p_query) AS q (query)
    INNER JOIN apex.chunks AS c ON c.search @@ q.query
    WHERE p_doc_type IS NULL OR EXISTS (SELECT FROM apex.documents AS d WHERE d.id = c.document_id AND d.doc_type = p_doc_type)
    ORDER BY relevance DESC, c.id
    LIMIT p_candidates
  ),

  meaning AS (SELECT m.id, row_number() OVER (ORDER BY m.distance, m.id) AS place FROM by_meaning AS m),

  words AS (SELECT w.id, row_number() OVER (ORDER BY w.relevance DESC, w.id) AS place FROM by_words AS w),

  fused AS (
    SELECT
      coalesce(m.id, w.id) AS id,
      m.place AS vector_rank,
      w.place AS text_rank,
      coalesce(1.0 / (60 + m.place), 0)::double precision + coalesce(1.0 / (60 + w.place), 0)::double precision AS score
    FROM meaning AS m
    FULL JOIN words AS w ON w.id = m.id
  )

  SELECT c.id, c.document_id, d.title, c.content, f.vector_rank, f.text_rank, f.score
  FROM fused AS f
  INNER JOIN apex.chunks AS c ON c.id = f.id
  INNER JOIN apex.documents AS d ON d.id = c.document_id
  ORDER BY f.score DESC, c.id
  LIMIT p_limit;
END;

COMMENT ON FUNCTION apex.search_chunks(text, extensions.vector, int, text, int) IS
'Chunks by meaning and by words together; the ranks are the places in either list, NULL: not among the p_candidates.'
' Without p_embedding it goes by words alone.';

-- migrate:down
DROP FUNCTION apex.search_chunks(text, extensions.vector, int, text, int);
DROP FUNCTION apex.search_entities(extensions.vector, int, text, jsonb);
DROP FUNCTION apex.search_documents_meta(extensions.vector, int, text);
DROP FUNCTION apex.search_documents(extensions.vector, int, text, timestamptz, double precision);
