-- Recall: the share of the true nearest neighbours of sample queries that a search through the index finds.

-- From the catalog, which every role may read: to_regclass() requires USAGE on the schema.
CREATE OR REPLACE FUNCTION pgwright.vector_oid(p_schema name, p_name name)
RETURNS oid
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT c.oid
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = p_schema AND c.relname = p_name
$$;

-- An index, and its parts in partitions.
CREATE OR REPLACE FUNCTION pgwright.vector_relations(p_index oid)
RETURNS oid[]
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT ARRAY(SELECT p_index UNION SELECT t.relid FROM pg_catalog.pg_partition_tree(p_index) AS t)
$$;

-- The condition of a partial index, with the same spelling in each session.
CREATE OR REPLACE FUNCTION pgwright.vector_condition(p_index oid)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT pg_catalog.pg_get_expr(x.indpred, x.indrelid) FROM pg_catalog.pg_index AS x WHERE x.indexrelid = p_index
$$;

-- The parts of the statements that measure an index.
CREATE OR REPLACE FUNCTION pgwright.vector_parts(
  p_index pgwright.vector_indexes,
  OUT column_type text,
  OUT distance text,
  OUT order_by text,
  OUT condition text
)
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_schema text;
  v_dimensions integer;
  v_column text := format('v.%I', p_index.column_name);
  v_binary text;
BEGIN
  SELECT format_type(a.atttypid, a.atttypmod), quote_ident(n.nspname), a.atttypmod
  INTO column_type, v_schema, v_dimensions
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
  WHERE a.attrelid = to_regclass(p_index.table_name) AND a.attname = p_index.column_name AND NOT a.attisdropped;
  IF column_type IS NULL THEN
    RAISE EXCEPTION 'column % of % does not exist', p_index.column_name, p_index.table_name USING ERRCODE = 'undefined_column';
  END IF;
  -- The type bit is in pg_catalog, its distance operators are in the extension.
  IF v_schema = 'pg_catalog' THEN
    SELECT quote_ident(n.nspname) INTO v_schema
    FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname = 'vector';
  END IF;
  distance := format('(%s OPERATOR(%s.%s) $1::%s)', v_column, v_schema, p_index.operator, column_type);
  v_binary := format('%s.binary_quantize(%%s)::bit(%s)', v_schema, v_dimensions);
  order_by := CASE p_index.precision
    WHEN 'full' THEN distance
    WHEN 'half' THEN format(
      '(%1$s::%2$s.halfvec(%3$s) OPERATOR(%2$s.%4$s) $1::%2$s.halfvec(%3$s))', v_column, v_schema, v_dimensions, p_index.operator
    )
    ELSE format(
      '((%s) OPERATOR(%s.<~>) (%s))', format(v_binary, v_column), v_schema, format(v_binary, '$1::' || column_type)
    )
  END;
  condition := format('%s IS NOT NULL', v_column) || coalesce(' AND ' || p_index.spelled, '')
    || coalesce(' AND (' || p_index.filter || ')', '');
END
$$;

-- Query vectors and their true neighbours, by an exact search without an index. Each call chooses the same rows, as long as they exist.
CREATE OR REPLACE FUNCTION pgwright.vector_queries(p_index pgwright.vector_indexes)
RETURNS pgwright.vector_query[]
LANGUAGE plpgsql
SET search_path = ''
SET enable_indexscan = off
SET enable_bitmapscan = off
SET enable_indexonlyscan = off
AS $$
DECLARE
  v_parts record := pgwright.vector_parts(p_index);
  v_query pgwright.vector_query;
  v_found pgwright.vector_query[] := '{}';
BEGIN
  FOR v_query.probe, v_query.of_table, v_query.place IN EXECUTE
    CASE WHEN p_index.queries_table IS NULL THEN
      -- The rows first, then their vectors.
      format(
        'SELECT v.%1$I::text, chosen.of_table, chosen.place
         FROM (
           SELECT v.tableoid AS of_table, v.ctid AS place FROM %2$s AS v WHERE %3$s
           ORDER BY md5(v.tableoid::text || v.ctid::text) LIMIT $1
         ) AS chosen
         JOIN %2$s AS v ON v.ctid = chosen.place AND v.tableoid = chosen.of_table',
        p_index.column_name, p_index.table_name, v_parts.condition
      )
    ELSE
      format(
        'SELECT q.%1$I::text, 0::oid, ''(0,0)''::tid FROM %2$s AS q WHERE q.%1$I IS NOT NULL ORDER BY md5(q.%1$I::text) LIMIT $1',
        p_index.queries_column, p_index.queries_table
      )
    END
    USING p_index.queries
  LOOP
    EXECUTE format(
      'SELECT count(*), max(near.far) FROM (
         SELECT %1$s AS far FROM %2$s AS v WHERE %3$s AND (v.tableoid, v.ctid) <> ($2, $3) AND %1$s <> ''NaN'' ORDER BY 1 LIMIT $4
       ) AS near',
      v_parts.distance, p_index.table_name, v_parts.condition
    )
    INTO v_query.neighbours, v_query.farthest
    USING v_query.probe, v_query.of_table, v_query.place, p_index.neighbours;
    -- A vector of zeros has no cosine distance.
    CONTINUE WHEN v_query.neighbours = 0;
    v_found := v_found || v_query;
  END LOOP;
  RETURN v_found;
END
$$;

-- Results of the queries with the search parameter `p_search`. `through`: queries that the planner answered through this index; it may use
-- another index of the same column.
CREATE OR REPLACE FUNCTION pgwright.vector_try(
  p_index pgwright.vector_indexes,
  p_queries pgwright.vector_query[],
  p_search integer,
  OUT recall numeric,
  OUT worst numeric,
  OUT median_ms numeric,
  OUT p95_ms numeric,
  OUT through integer
)
LANGUAGE plpgsql
SET search_path = ''
SET enable_seqscan = off
SET enable_sort = off
AS $$
DECLARE
  v_parts record := pgwright.vector_parts(p_index);
  v_query pgwright.vector_query;
  v_statement text;
  v_found integer;
  v_begun timestamptz;
  v_shares numeric[] := '{}';
  v_times numeric[] := '{}';
  v_scan text := p_index.method || '.iterative_scan';
  v_relations oid[] := pgwright.vector_relations(pgwright.vector_oid(p_index.schema_name, p_index.relation_name));
  v_scans bigint;
  v_before bigint;
BEGIN
  -- Until the end of the transaction. The session may have other values, and old versions of pgvector have no iterative scan.
  PERFORM set_config(pgwright.vector_parameter(p_index.method), p_search::text, true);
  PERFORM set_config(v_scan, coalesce(pgwright.vector_setting(v_scan), 'off'), true)
  WHERE current_setting(v_scan, true) IS NOT NULL OR pgwright.vector_setting(v_scan) IS NOT NULL;
  -- Bits only preselect: of the candidates that a search visits, the nearest are chosen by the vectors themselves.
  v_statement := format(
    'SELECT count(*) FILTER (WHERE near.far <= $5) FROM (
       SELECT chosen.far FROM (
         SELECT %1$s AS far FROM %2$s AS v WHERE %3$s AND (v.tableoid, v.ctid) <> ($2, $3) ORDER BY %4$s LIMIT %5$s
       ) AS chosen ORDER BY chosen.far LIMIT $4
     ) AS near',
    v_parts.distance, p_index.table_name, v_parts.condition, v_parts.order_by,
    CASE p_index.precision WHEN 'binary' THEN greatest(p_search, p_index.neighbours)::text ELSE '$4' END
  );
  through := 0;
  v_before := (SELECT sum(pg_catalog.pg_stat_get_xact_numscans(r)) FROM unnest(v_relations) AS r);
  FOREACH v_query IN ARRAY p_queries LOOP
    v_begun := clock_timestamp();
    EXECUTE v_statement INTO v_found
    USING v_query.probe, v_query.of_table, v_query.place, p_index.neighbours, v_query.farthest;
    v_times := v_times || (1000 * extract(epoch FROM clock_timestamp() - v_begun))::numeric;
    v_shares := v_shares || least(1, v_found::numeric / v_query.neighbours);
    v_scans := (SELECT sum(pg_catalog.pg_stat_get_xact_numscans(r)) FROM unnest(v_relations) AS r);
    through := through + (v_scans > v_before)::integer;
    v_before := v_scans;
  END LOOP;
  SELECT round(avg(s), 4), round(min(s), 4) INTO recall, worst FROM unnest(v_shares) AS s;
  SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY t)::numeric, 3), round(percentile_cont(0.95) WITHIN GROUP (ORDER BY t)::numeric, 3)
  INTO median_ms, p95_ms FROM unnest(v_times) AS t;
END
$$;
