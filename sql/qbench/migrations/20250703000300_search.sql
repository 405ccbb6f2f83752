-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- Bodies in BEGIN ATOMIC are parsed when the function is made, so no search_path of a caller changes what they mean, and
-- without SET the planner can put them into the query that calls them. ORDER BY the distance with a LIMIT in the same query is
-- the shape that HNSW and IVFFlat indexes serve; without one it is an exact search. With hnsw.iterative_scan the index gives
-- more until enough rows pass the conditions.

CREATE FUNCTION qbench.search_documents(
  p_embedding extensions.vector,
  p_limit int DEFAULT 10,
  p_test_type text DEFAULT NULL,
  p_priority text DEFAULT NULL,
  p_platforms text[] DEFAULT NULL,
  p_metadata jsonb DEFAULT NULL
)
RETURNS TABLE (id bigint, test_key text, title text, distance double precision)
LANGUAGE sql
STABLE
SECURITY INVOKER
BEGIN ATOMIC
  SELECT d.id, d.test_key, d.title, d.embedding OPERATOR(extensions.<=>) p_embedding
  FROM qbench.test_documents AS d
  WHERE
    d.embedding IS NOT NULL
    AND (p_test_type IS NULL OR d.test_type = p_test_type)
    AND (p_priority IS NULL OR d.priority = p_priority)
    AND (p_platforms IS NULL OR d.platforms && p_platforms)
    AND (p_metadata IS NULL OR d.metadata @> p_metadata)
  ORDER BY d.embedding OPERATOR(extensions.<=>) p_embedding
  LIMIT p_limit;
END;

COMMENT ON FUNCTION qbench.search_documents(extensions.vector, int, text, text, text[], jsonb) IS
'Test cases by meaning, the nearest first; NULL is no condition. One of p_platforms is enough.';

-- The nearest steps, then a row a test case with its best step: so the index is asked for steps, and not for groups, which it
-- does not know.
CREATE FUNCTION qbench.search_steps(p_embedding extensions.vector, p_limit int DEFAULT 10, p_candidates int DEFAULT 50)
RETURNS TABLE (document_id bigint, test_key text, step_index bigint, action text, distance double precision)
LANGUAGE sql
STABLE
SECURITY INVOKER
BEGIN ATOMIC
  WITH nearest AS MATERIALIZED (
    SELECT s.document_id, s.step_index, s.action, s.embedding OPERATOR(extensions.<=>) p_embedding AS distance
    FROM qbench.test_steps AS s
    WHERE s.embedding IS NOT NULL
    ORDER BY s.embedding OPERATOR(extensions.<=>) p_embedding
    LIMIT p_candidates
  ),

  best AS (
    SELECT DISTINCT ON (n.document_id) n.document_id, n.step_index, n.action, n.distance
    FROM nearest AS n
    ORDER BY n.document_id, n.distance, n.step_index
  )

  SELECT b.document_id, d.test_key, b.step_index, b.action, b.distance
  FROM best AS b
  INNER JOIN qbench.test_documents AS d ON d.id = b.document_id
  ORDER BY b.distance, b.document_id
  LIMIT p_limit;
END;

COMMENT ON FUNCTION qbench.search_steps(extensions.vector, int, int) IS
'Test cases by the meaning of their steps: each with its nearest step, of the p_candidates nearest steps there are.';

-- Reciprocal rank fusion: distances and text ranks have no common scale, so what counts is the place in either list. 60 is the
-- constant of the paper that found it: it keeps a first place in one list from outweighing good places in both.
CREATE FUNCTION qbench.search_hybrid(
  p_query text,
  p_embedding extensions.vector,
  p_limit int DEFAULT 10,
  p_test_type text DEFAULT NULL,
  p_candidates int DEFAULT 40
)
RETURNS TABLE (id bigint, test_key text, title text, vector_rank bigint, text_rank bigint, score double precision)
LANGUAGE sql
STABLE
SECURITY INVOKER
BEGIN ATOMIC
  WITH by_meaning AS MATERIALIZED (
    SELECT d.id, d.embedding OPERATOR(extensions.<=>) p_embedding AS distance
    FROM qbench.test_documents AS d
    WHERE p_embedding IS NOT NULL AND d.embedding IS NOT NULL AND (p_test_type IS NULL OR d.test_type = p_test_type)
    ORDER BY d.embedding OPERATOR(extensions.<=>) p_embedding
    LIMIT p_candidates
  ),

  by_words AS MATERIALIZED (
    SELECT d.id, ts_rank_cd(d.search, q.query) AS relevance
    FROM websearch_to_tsquery('pg_catalog.english', p_query) AS q (query)
    INNER JOIN qbench.test_documents AS d ON d.search @@ q.query
    WHERE p_test_type IS NULL OR d.test_type = p_test_type
    ORDER BY relevance DESC, d.id
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

  SELECT d.id, d.test_key, d.title, f.vector_rank, f.text_rank, f.score
  FROM fused AS f
  INNER JOIN qbench.test_documents AS d ON d.id = f.id
  ORDER BY f.score DESC, d.id
  LIMIT p_limit;
END;

COMMENT ON FUNCTION qbench.search_hybrid(text, extensions.vector, int, text, int) IS
'Test cases by meaning and by words together; the ranks are the places in either list, NULL: not among the p_candidates.'
' Without p_embedding it goes by words alone.';

-- migrate:down
DROP FUNCTION qbench.search_hybrid(text, extensions.vector, int, text, int);
DROP FUNCTION qbench.search_steps(extensions.vector, int, int);
DROP FUNCTION qbench.search_documents(extensions.vector, int, text, text, text[], jsonb);
