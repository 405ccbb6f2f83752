-- What is measured is kept: a recall that falls slowly is seen before anybody misses a result.

CREATE OR REPLACE FUNCTION pgwright.vector_index(p_index_name text)
RETURNS pgwright.vector_indexes
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_index pgwright.vector_indexes;
BEGIN
  SELECT * INTO v_index FROM pgwright.vector_indexes AS i WHERE i.index_name = p_index_name;
  IF NOT FOUND THEN
    RAISE EXCEPTION '% is no vector index that the stack declares', p_index_name USING ERRCODE = 'undefined_object';
  ELSIF to_regclass(p_index_name) IS NULL THEN
    RAISE EXCEPTION 'index % is not there', p_index_name USING ERRCODE = 'undefined_object';
  END IF;
  RETURN v_index;
END
$$;

-- Size of an index with its parts.
CREATE OR REPLACE FUNCTION pgwright.vector_bytes(p_index_name text)
RETURNS bigint
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT sum(pg_catalog.pg_relation_size(c.oid))::bigint
  FROM pg_catalog.pg_class AS c
  WHERE c.oid = to_regclass(p_index_name) OR c.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree(to_regclass(p_index_name)))
$$;

-- Keeps a measurement. Who measures may read the table, which does not let him write here: so this runs as the owner of the books.
CREATE OR REPLACE FUNCTION pgwright.vector_note(
  p_index_name text, p_search integer, p_queries integer, p_recall numeric, p_worst numeric, p_median_ms numeric, p_p95_ms numeric
)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
  v_index pgwright.vector_indexes := pgwright.vector_index(p_index_name);
BEGIN
  IF NOT pg_catalog.has_column_privilege(session_user, to_regclass(v_index.table_name), v_index.column_name, 'SELECT') THEN
    RAISE EXCEPTION 'role % may not read % of %', session_user, v_index.column_name, v_index.table_name
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO pgwright.vector_measurements (
    index_name, measured_at, search, neighbours, queries, at_least, recall, worst, median_ms, p95_ms, index_bytes
  )
  VALUES (
    p_index_name, clock_timestamp(), p_search, v_index.neighbours, p_queries, v_index.at_least, p_recall, p_worst, p_median_ms, p_p95_ms,
    pgwright.vector_bytes(p_index_name)
  );
  DELETE FROM pgwright.vector_measurements AS m
  WHERE m.index_name = p_index_name AND m.measured_at < now() - interval '400 days';
END
$$;

-- Measures an index as sessions use it now, and keeps that. Its recall; NULL where there are no rows.
CREATE OR REPLACE FUNCTION pgwright.vector_measure(p_index_name text)
RETURNS numeric
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_index pgwright.vector_indexes := pgwright.vector_index(p_index_name);
  v_queries pgwright.vector_query[] := pgwright.vector_queries(v_index);
  v_search integer := pgwright.vector_search_of_database(v_index.method);
  v_tried record;
BEGIN
  IF cardinality(v_queries) = 0 THEN
    PERFORM pgwright.vector_note(p_index_name, v_search, 0, NULL, NULL, NULL, NULL);
    RETURN NULL;
  END IF;
  v_tried := pgwright.vector_try(v_index, v_queries, v_search);
  PERFORM pgwright.vector_note(
    p_index_name, v_search, cardinality(v_queries), v_tried.recall, v_tried.worst, v_tried.median_ms, v_tried.p95_ms
  );
  RETURN v_tried.recall;
END
$$;

-- How far a search has to go to reach the recall that is declared, with a tenth of what may be missed to spare: the smallest value, to
-- within a tenth, and not below pgvector's default. NULL where none reaches it. `recall`: with that value, or the best there is.
CREATE OR REPLACE FUNCTION pgwright.vector_find(p_index_name text, OUT search integer, OUT recall numeric, OUT queries integer)
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_index pgwright.vector_indexes := pgwright.vector_index(p_index_name);
  v_queries pgwright.vector_query[] := pgwright.vector_queries(v_index);
  v_aim numeric := v_index.at_least + (1 - v_index.at_least) / 10;
  v_most integer := 1000;
  v_next integer := greatest(pgwright.vector_default(v_index.method), CASE v_index.method WHEN 'hnsw' THEN v_index.neighbours END);
  v_failed integer := v_next - 1;
  v_recall numeric;
BEGIN
  queries := cardinality(v_queries);
  IF queries = 0 THEN
    RETURN;
  END IF;
  IF v_index.method = 'ivfflat' THEN
    SELECT split_part(o, '=', 2)::integer INTO v_most
    FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL unnest(c.reloptions) AS o
    WHERE c.oid = to_regclass(p_index_name) AND o LIKE 'lists=%';
    -- All lists are no search through the index any more, and the planner does not use it then.
    v_most := greatest(1, coalesce(v_most, 100) - 1);
  END IF;
  LOOP
    v_next := least(v_next, v_most);
    v_recall := (pgwright.vector_try(v_index, v_queries, v_next)).recall;
    recall := CASE WHEN search IS NULL THEN v_recall ELSE recall END;
    IF v_recall >= v_aim OR (v_next = v_most AND v_recall >= v_index.at_least) THEN
      search := v_next;
      recall := v_recall;
    ELSE
      v_failed := v_next;
    END IF;
    EXIT WHEN v_failed = v_most OR search - v_failed <= greatest(1, search / 10);
    v_next := coalesce((v_failed + search) / 2, v_next * 2);
  END LOOP;
END
$$;

-- Measures all that is declared with a recall; one that fails does not keep the others from it. `CALL pgwright.measure_vectors()`.
CREATE OR REPLACE PROCEDURE pgwright.measure_vectors()
LANGUAGE plpgsql
AS $$
DECLARE
  v_index_name text;
  v_failed text[] := '{}';
BEGIN
  FOR v_index_name IN SELECT i.index_name FROM pgwright.vector_indexes AS i WHERE i.at_least IS NOT NULL ORDER BY 1 LOOP
    BEGIN
      PERFORM pgwright.vector_measure(v_index_name);
    EXCEPTION WHEN OTHERS THEN
      v_failed := v_failed || format('%s: %s', v_index_name, SQLERRM);
    END;
    COMMIT;
  END LOOP;
  IF v_failed <> '{}' THEN
    RAISE EXCEPTION 'not measured: %', array_to_string(v_failed, '; ');
  END IF;
END
$$;
