-- Documents, entities and chunks by meaning, by words and by conditions; a vector index serves them once there is one.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE apex_owner;

CREATE FUNCTION pg_temp.point(p_n float8, p_dimensions int DEFAULT 1536) RETURNS extensions.vector LANGUAGE sql AS $$
  -- Points of a half circle: neighbours by number are neighbours by angle.
  SELECT (
    ARRAY[cos(p_n * pi() / 500), sin(p_n * pi() / 500)] || array_fill(0.001::float8, ARRAY[p_dimensions - 2])
  )::float4[]::extensions.vector
$$;

CREATE FUNCTION pg_temp.plan(p_query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || p_query INTO v_plan;
  RETURN v_plan;
END
$$;

INSERT INTO apex.documents (title, doc_type, embedding, created_at)
SELECT
  format('document %s', n),
  CASE n % 5 WHEN 0 THEN 'invoice' ELSE 'letter' END,
  pg_temp.point(n),
  '2050-01-01 00:00+00'::timestamptz + n * interval '1 day'
FROM generate_series(0, 399) AS n;

INSERT INTO apex.chunks (document_id, chunk_index, content, embedding)
SELECT
  d.id,
  0,
  'The ' || d.title || CASE WHEN d.title LIKE '%7' THEN ' speaks of leases.' ELSE ' speaks of nothing.' END,
  d.embedding
FROM apex.documents AS d WHERE d.created_at >= '2050-01-01';

WITH meta AS (
  INSERT INTO apex.documents_meta (id, title, doc_type, author)
  SELECT d.id, d.title, d.doc_type, 'somebody' FROM apex.documents AS d WHERE d.created_at >= '2050-01-01'
  RETURNING id
)

INSERT INTO apex.documents_vectors (document_id, embedding)
SELECT d.id, d.embedding FROM apex.documents AS d WHERE d.created_at >= '2050-01-01';

INSERT INTO apex.entities (name, entity_type, metadata, title_embedding, state)
SELECT
  format('entity %s', n),
  CASE n % 2 WHEN 0 THEN 'Customer' ELSE 'Person' END,
  jsonb_build_object('n', n % 3),
  pg_temp.point(n, 384),
  CASE n WHEN 42 THEN 'pending' ELSE 'active' END
FROM generate_series(0, 399) AS n;

DO $$
BEGIN
  ASSERT (
    SELECT array_agg(s.title ORDER BY s.similarity DESC) = '{document 42,document 43,document 41}' AND max(s.similarity) > 0.999
    FROM apex.search_documents(pg_temp.point(42.1), 3) AS s
  ), 'the nearest';
  ASSERT (
    SELECT array_agg(s.title ORDER BY s.similarity DESC) = '{document 50,document 55}'
    FROM apex.search_documents(pg_temp.point(42.1), 2, 'invoice', '2050-02-16 00:00+00') AS s
  ), 'the nearest of a type, since a day';
  ASSERT (
    SELECT array_agg(s.title ORDER BY s.similarity DESC) = '{document 42,document 43}'
    FROM apex.search_documents(pg_temp.point(42.4), 10, p_max_distance => 1 - cos(pi() / 500)) AS s
  ), 'no farther than that';
  ASSERT (
    SELECT array_agg(s.title ORDER BY s.similarity DESC) = '{document 40,document 45}'
    FROM apex.search_documents_meta(pg_temp.point(42.1), 2, 'invoice') AS s
  ), 'vectors in a table of their own';
  ASSERT (
    SELECT array_agg(s.name ORDER BY s.similarity DESC) = '{entity 43,entity 41,entity 44}'
    FROM apex.search_entities(pg_temp.point(42.1, 384), 3) AS s
  ), 'an entity that is not everywhere yet is not found';
  ASSERT (
    SELECT array_agg(s.name ORDER BY s.similarity DESC) = '{entity 45,entity 39}'
    FROM apex.search_entities(pg_temp.point(42.1, 384), 2, 'Person', '{"n": 0}') AS s
  ), 'entities by conditions';
  ASSERT (
    SELECT s.title LIKE '%7' AND s.vector_rank <= 40 AND s.text_rank <= 40
    FROM apex.search_chunks('lease', pg_temp.point(46.9), 1) AS s
  ), 'good in both lists is best';
  ASSERT (
    SELECT bool_and(s.title ~ '(0|5)$') AND count(*) = 10
    FROM apex.search_chunks('document', pg_temp.point(46.9), 10, 'invoice') AS s
  ), 'chunks of documents of a type';
  ASSERT (
    SELECT bool_and(s.vector_rank IS NULL) AND count(*) = 40 FROM apex.search_chunks('leases', NULL, 50) AS s
  ), 'by words alone';
END
$$;

CREATE INDEX idx_documents_embedding_test ON apex.documents USING hnsw (embedding extensions.vector_cosine_ops);
CREATE INDEX idx_chunks_embedding_test ON apex.chunks USING hnsw (embedding extensions.vector_cosine_ops);
CREATE INDEX idx_vectors_embedding_test ON apex.documents_vectors USING hnsw (embedding extensions.vector_cosine_ops);
CREATE INDEX idx_entities_embedding_test ON apex.entities USING hnsw (title_embedding extensions.vector_cosine_ops);
SET LOCAL hnsw.iterative_scan = 'strict_order';
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
-- A condition has an index of its own, and among few rows it is the better one: not here.
SET LOCAL enable_bitmapscan = off;

DO $$
BEGIN
  ASSERT pg_temp.plan('SELECT * FROM apex.search_documents(pg_temp.point(42.1), 3)')
    LIKE '%idx_documents_embedding_test%', 'documents';
  ASSERT pg_temp.plan('SELECT * FROM apex.search_documents_meta(pg_temp.point(42.1), 3, ''invoice'')')
    LIKE '%idx_vectors_embedding_test%', 'vectors in a table of their own';
  ASSERT pg_temp.plan('SELECT * FROM apex.search_entities(pg_temp.point(42.1, 384), 3)')
    LIKE '%idx_entities_embedding_test%', 'entities';
  ASSERT pg_temp.plan('SELECT * FROM apex.search_chunks(''lease'', pg_temp.point(42.1), 3, ''invoice'')')
    LIKE '%idx_chunks_embedding_test%', 'chunks';
  ASSERT (
    SELECT array_agg(s.title ORDER BY s.similarity DESC) = '{document 40,document 45}'
    FROM apex.search_documents_meta(pg_temp.point(42.1), 2, 'invoice') AS s
  ), 'the same rows as without an index';
END
$$;
ROLLBACK;
