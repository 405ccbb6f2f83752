-- Search by meaning, by words, and by both; a vector index serves it once there is one.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE qbench_owner;

-- Points of a half circle in two of the 1536 dimensions: neighbours by number are neighbours by angle.
INSERT INTO qbench.test_documents (
  test_key, title, description, test_type, priority, platforms, metadata, embedding, embedding_model
)
SELECT
  format('TEST-%s', n),
  CASE n % 100 WHEN 7 THEN 'Bullpen board shows who is warming up' ELSE 'Scoreboard shows the inning' END,
  format('case %s', md5(n::text)),
  CASE n % 10 WHEN 0 THEN 'api' ELSE 'manual' END,
  CASE n % 4 WHEN 0 THEN 'high' ELSE 'low' END,
  CASE n % 2 WHEN 0 THEN '{ios,web}'::text[] ELSE '{android}' END,
  jsonb_build_object('season', 2040 + n % 5),
  (ARRAY[cos(n * pi() / 500), sin(n * pi() / 500)] || array_fill(0.001::float8, ARRAY[1534]))::float4[]::extensions.vector,
  'test'
FROM generate_series(0, 499) AS n;

INSERT INTO qbench.test_documents (test_key, title) VALUES ('TEST-NONE', 'Bullpen phone, not embedded yet');

INSERT INTO qbench.test_steps (document_id, step_index, action, embedding, embedding_model)
SELECT d.id, s.i, format('step %s of %s', s.i, d.test_key), d.embedding, 'test'
FROM qbench.test_documents AS d
CROSS JOIN generate_series(0, 2) AS s (i)
WHERE d.embedding_model = 'test';

CREATE FUNCTION pg_temp.plan(p_query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || p_query INTO v_plan;
  RETURN v_plan;
END
$$;

CREATE FUNCTION pg_temp.point(p_n float8) RETURNS extensions.vector LANGUAGE sql AS $$
  SELECT (
    ARRAY[cos(p_n * pi() / 500), sin(p_n * pi() / 500)] || array_fill(0.001::float8, ARRAY[1534])
  )::float4[]::extensions.vector
$$;

DO $$
BEGIN
  ASSERT (
    SELECT array_agg(s.test_key ORDER BY s.distance) = '{TEST-42,TEST-43,TEST-41}'
    FROM qbench.search_documents(pg_temp.point(42.1), 3) AS s
  ), 'the nearest';
  ASSERT (
    SELECT array_agg(s.test_key ORDER BY s.distance) = '{TEST-40,TEST-60}'
    FROM qbench.search_documents(pg_temp.point(42.1), 2, 'api', 'high', '{web,tv}') AS s
  ), 'the nearest that meet all conditions';
  ASSERT (
    SELECT array_agg(s.test_key ORDER BY s.distance) = '{TEST-42,TEST-37,TEST-47}'
    FROM qbench.search_documents(pg_temp.point(41.9), 3, p_metadata => '{"season": 2042}') AS s
  ), 'by metadata';
  ASSERT (
    SELECT array_agg(s.test_key ORDER BY s.distance) = '{TEST-42,TEST-43}' AND array_agg(s.step_index) = '{0,0}'
    FROM qbench.search_steps(pg_temp.point(42.1), 2) AS s
  ), 'a row a test case, not a step';

  ASSERT (
    SELECT s.test_key = 'TEST-7' AND s.vector_rank = 1 AND s.text_rank = 1 AND abs(s.score - 2.0 / 61) < 1e-9
    FROM qbench.search_hybrid('bullpen warm', pg_temp.point(7), 1, p_candidates => 5) AS s
  ), 'good in both lists is best';
  ASSERT (
    SELECT s.vector_rank IS NULL AND s.text_rank = 1
    FROM qbench.search_hybrid('phone', pg_temp.point(0)) AS s WHERE s.test_key = 'TEST-NONE'
  ), 'found by words before it is embedded';
  ASSERT (
    SELECT count(*) = 10 AND bool_and(s.text_rank IS NULL) FROM qbench.search_hybrid('nowhere', pg_temp.point(0)) AS s
  ), 'found by meaning where no word fits';
  ASSERT (
    SELECT s.test_key = 'TEST-123' FROM qbench.search_hybrid('TEST-123', NULL, 1) AS s
  ), 'found by its key, without an embedding';

  BEGIN
    INSERT INTO qbench.test_documents (test_key, title, embedding, embedding_model) VALUES ('TEST-X', 'x', '[1,2,3]', 'test');
    ASSERT false, 'a vector of another length is refused';
  EXCEPTION WHEN data_exception THEN
    NULL;
  END;

  BEGIN
    INSERT INTO qbench.test_documents (test_key, title, embedding) VALUES ('TEST-X', 'x', pg_temp.point(0));
    ASSERT false, 'a vector of nobody knows which model is refused';
  EXCEPTION WHEN check_violation THEN
    NULL;
  END;
END
$$;

CREATE INDEX idx_test_documents_embedding_test ON qbench.test_documents USING hnsw (embedding extensions.vector_cosine_ops);
CREATE INDEX idx_test_steps_embedding_test ON qbench.test_steps USING hnsw (embedding extensions.vector_cosine_ops);
SET LOCAL hnsw.iterative_scan = 'strict_order';
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;

DO $$
BEGIN
  ASSERT pg_temp.plan('SELECT * FROM qbench.search_documents(pg_temp.point(42.1), 3)')
    LIKE '%idx_test_documents_embedding_test%', 'the vector index serves a search without conditions';
  ASSERT pg_temp.plan('SELECT * FROM qbench.search_documents(pg_temp.point(42.1), 3, ''api'', p_metadata => ''{"season": 2040}'')')
    LIKE '%embedding%', 'and one with';
  ASSERT pg_temp.plan('SELECT * FROM qbench.search_steps(pg_temp.point(42.1))')
    LIKE '%idx_test_steps_embedding_test%', 'one of steps';
  ASSERT pg_temp.plan('SELECT * FROM qbench.search_hybrid(''bullpen'', pg_temp.point(42.1))')
    LIKE '%idx_test_documents_embedding_test%', 'one by both, as to meaning';
  ASSERT pg_temp.plan('SELECT * FROM qbench.search_hybrid(''bullpen'', pg_temp.point(42.1))')
    LIKE '%idx_test_documents_search%', 'and as to words';
  ASSERT (
    SELECT array_agg(s.test_key ORDER BY s.distance) = '{TEST-40,TEST-60}'
    FROM qbench.search_documents(pg_temp.point(42.1), 2, 'api', 'high', '{web,tv}') AS s
  ), 'the same rows as without an index';
END
$$;
ROLLBACK;
