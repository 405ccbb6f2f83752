-- Measurements are kept, so that a slowly falling recall is visible.

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
    RAISE EXCEPTION '% is not a declared vector index', p_index_name USING ERRCODE = 'undefined_object';
  ELSIF pgwright.vector_oid(v_index.schema_name, v_index.relation_name) IS NULL THEN
    RAISE EXCEPTION 'index % does not exist', p_index_name USING ERRCODE = 'undefined_object';
  END IF;
  RETURN v_index;
END
$$;

-- Size of an index or table, with its partitions.
CREATE OR REPLACE FUNCTION pgwright.vector_bytes(p_index oid)
RETURNS bigint
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT sum(pg_catalog.pg_relation_size(r))::bigint FROM unnest(pgwright.vector_relations(p_index)) AS r
$$;

-- Records a measurement. SECURITY DEFINER: a role that may read the table may not write here.
CREATE OR REPLACE FUNCTION pgwright.vector_note(
  p_index_name text, p_search integer, p_queries integer, p_recall numeric, p_worst numeric, p_median_ms numeric, p_p95_ms numeric,
  p_through integer, p_hidden_from name DEFAULT NULL
)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
  v_index pgwright.vector_indexes := pgwright.vector_index(p_index_name);
  v_oid oid := pgwright.vector_oid(v_index.schema_name, v_index.relation_name);
BEGIN
  -- The role of a run of pgwright has no privileges except becoming the owner of the table.
  IF NOT pg_catalog.has_column_privilege(session_user, to_regclass(v_index.table_name), v_index.column_name, 'SELECT')
    AND NOT pg_catalog.pg_has_role(
      session_user, (SELECT c.relowner FROM pg_catalog.pg_class AS c WHERE c.oid = to_regclass(v_index.table_name)), 'SET'
    )
  THEN
    RAISE EXCEPTION 'role % may not read % of %', session_user, v_index.column_name, v_index.table_name
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO pgwright.vector_measurements (
    index_name, measured_at, index_oid, search, neighbours, queries, at_least, recall, worst, median_ms, p95_ms, through, index_bytes,
    hidden_from
  )
  VALUES (
    p_index_name, clock_timestamp(), v_oid, p_search, v_index.neighbours, p_queries, v_index.at_least, p_recall, p_worst, p_median_ms,
    p_p95_ms, p_through, pgwright.vector_bytes(v_oid), p_hidden_from
  );
  DELETE FROM pgwright.vector_measurements AS m
  WHERE m.index_name = p_index_name AND m.measured_at < now() - interval '400 days';
END
$$;

-- The search parameter that reaches the declared recall, with a margin of a tenth of the allowed misses: the smallest value, to within a
-- tenth, and not below pgvector's default. NULL if none reaches it. `best`: the recall with this value, or the highest one.
CREATE OR REPLACE FUNCTION pgwright.vector_find(
  p_index pgwright.vector_indexes, p_queries pgwright.vector_query[], OUT search integer, OUT best numeric
)
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_aim numeric := p_index.at_least + (1 - p_index.at_least) / 10;
  v_most integer := 1000;
  -- A search also finds the source row of the query, which does not count.
  v_next integer := greatest(pgwright.vector_default(p_index.method), CASE p_index.method WHEN 'hnsw' THEN p_index.neighbours + 1 END);
  v_failed integer := v_next - 1;
  v_recall numeric;
BEGIN
  IF p_index.method = 'ivfflat' THEN
    SELECT split_part(o, '=', 2)::integer INTO v_most
    FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL unnest(c.reloptions) AS o
    WHERE c.oid = pgwright.vector_oid(p_index.schema_name, p_index.relation_name) AND o LIKE 'lists=%';
    -- Not all lists: then the planner does not use the index.
    v_most := greatest(1, coalesce(v_most, 100) - 1);
  END IF;
  LOOP
    v_next := least(v_next, v_most);
    v_recall := (pgwright.vector_try(p_index, p_queries, v_next)).recall;
    best := CASE WHEN search IS NULL THEN v_recall ELSE best END;
    IF v_recall >= v_aim OR (v_next = v_most AND v_recall >= p_index.at_least) THEN
      search := v_next;
      best := v_recall;
    ELSE
      v_failed := v_next;
    END IF;
    EXIT WHEN v_failed = v_most OR search - v_failed <= greatest(1, search / 10);
    v_next := coalesce((v_failed + search) / 2, v_next * 2);
  END LOOP;
END
$$;

-- Measures an index as sessions use it, and records the result. `p_find`: also finds the necessary search parameter (`search`) and measures
-- with it. `recall` is NULL if there are no rows; `hidden_from`: there are rows, and row security hides all of them from this role.
CREATE OR REPLACE FUNCTION pgwright.vector_measure(
  p_index_name text, p_find boolean DEFAULT false,
  OUT search integer, OUT best numeric, OUT recall numeric, OUT measured_with integer, OUT queries integer, OUT through integer,
  OUT hidden_from name
)
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_index pgwright.vector_indexes := pgwright.vector_index(p_index_name);
  v_queries pgwright.vector_query[] := pgwright.vector_queries(v_index);
  v_tried record;
BEGIN
  queries := cardinality(v_queries);
  measured_with := pgwright.vector_search_of_database(v_index.method);
  IF queries = 0 THEN
    SELECT current_user INTO hidden_from
    FROM (VALUES (v_index.table_name), (v_index.queries_table)) AS t (name)
    WHERE pg_catalog.row_security_active(to_regclass(t.name)) AND pgwright.vector_bytes(to_regclass(t.name)) > 0 LIMIT 1;
    PERFORM pgwright.vector_note(p_index_name, measured_with, 0, NULL, NULL, NULL, NULL, NULL, hidden_from);
    RETURN;
  END IF;
  IF p_find THEN
    SELECT f.search, f.best INTO search, best FROM pgwright.vector_find(v_index, v_queries) AS f;
    measured_with := coalesce(search, measured_with);
  END IF;
  v_tried := pgwright.vector_try(v_index, v_queries, measured_with);
  recall := v_tried.recall;
  through := v_tried.through;
  PERFORM pgwright.vector_note(
    p_index_name, measured_with, queries, v_tried.recall, v_tried.worst, v_tried.median_ms, v_tried.p95_ms, v_tried.through
  );
END
$$;

-- Measures all indexes with a declared recall; a failure does not stop the others. `CALL pgwright.measure_vectors()`.
CREATE OR REPLACE PROCEDURE pgwright.measure_vectors()
LANGUAGE plpgsql
AS $$
DECLARE
  v_index_name pg_catalog.text;
  v_failed pg_catalog.text[] := '{}';
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  FOR v_index_name IN SELECT i.index_name FROM pgwright.vector_indexes AS i WHERE i.at_least IS NOT NULL ORDER BY 1 LOOP
    BEGIN
      PERFORM pgwright.vector_measure(v_index_name);
    EXCEPTION WHEN OTHERS THEN
      v_failed := v_failed || format('%s: %s', v_index_name, SQLERRM);
    END;
    COMMIT;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  END LOOP;
  IF v_failed <> '{}' THEN
    RAISE EXCEPTION 'not measured: %', array_to_string(v_failed, '; ');
  END IF;
END
$$;
