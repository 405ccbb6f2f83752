-- Search by meaning and by text, both through their index.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE solo_owner;

INSERT INTO rag.documents (id, title, content_sha256) OVERRIDING SYSTEM VALUE VALUES (-1, 'test', sha256('test'));

INSERT INTO rag.document_chunks (document_id, chunk_index, content, embedding)
SELECT
  -1,
  n,
  format('chunk %s %s', n, md5(n::text)),
  -- Points of a half circle in two of the 384 dimensions: neighbours by number are neighbours by angle.
  (ARRAY[cos(n * pi() / 500), sin(n * pi() / 500)] || array_fill(0.001::float8, ARRAY[382]))::float4[]::extensions.vector
FROM generate_series(0, 499) AS n;

SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = on;

DO $$
DECLARE
  v_plan json;
  v_query extensions.vector;
  v_nearest bigint;
BEGIN
  SELECT c.embedding INTO STRICT v_query FROM rag.document_chunks AS c WHERE c.document_id = -1 AND c.chunk_index = 42;

  SELECT c.chunk_index INTO v_nearest
  FROM rag.document_chunks AS c
  ORDER BY c.embedding OPERATOR(extensions.<=>) v_query
  LIMIT 1;
  ASSERT v_nearest = 42, format('nearest by cosine: %s', v_nearest);

  EXECUTE 'EXPLAIN (FORMAT json) SELECT id FROM rag.document_chunks ORDER BY embedding OPERATOR(extensions.<=>) $1 LIMIT 5'
  INTO v_plan USING v_query;
  ASSERT v_plan::text LIKE '%idx_document_chunks_embedding%', 'the HNSW index serves the cosine distance';

  EXECUTE $query$EXPLAIN (FORMAT json) SELECT id FROM rag.document_chunks WHERE content LIKE '%c81e728d%'$query$ INTO v_plan;
  ASSERT v_plan::text LIKE '%idx_document_chunks_content%', 'the trigram index serves LIKE';

  ASSERT (
    SELECT bool_and(i.indisvalid) FROM pg_catalog.pg_index AS i WHERE i.indrelid = 'rag.document_chunks'::regclass
  ), 'indexes are valid';

  BEGIN
    INSERT INTO rag.document_chunks (document_id, chunk_index, content, embedding) VALUES (-1, 1000, 'short', '[1,2,3]');
    ASSERT false, 'a vector of another length is refused';
  EXCEPTION WHEN data_exception THEN
    NULL;
  END;

  BEGIN
    INSERT INTO rag.documents (title, content_sha256) VALUES ('again', sha256('test'));
    ASSERT false, 'the same shared text is refused';
  EXCEPTION WHEN unique_violation THEN
    NULL;
  END;
END
$$;
ROLLBACK;
