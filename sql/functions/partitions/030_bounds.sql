-- Partitions and their bounds, read from the catalog and never from names.

-- The column of the partition key.
CREATE OR REPLACE FUNCTION pgwright.partition_key(p_parent regclass)
RETURNS TABLE (key_column name, key_type regtype, strategy "char", default_partition oid)
LANGUAGE plpgsql
STABLE
ROWS 1
SET search_path = ''
AS $$
BEGIN
  SELECT a.attname, a.atttypid::regtype, t.partstrat, t.partdefid
  INTO key_column, key_type, strategy, default_partition
  FROM pg_catalog.pg_partitioned_table AS t
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.partrelid AND a.attnum = t.partattrs[0]
  WHERE t.partrelid = p_parent AND t.partnatts = 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION '% is not partitioned by exactly one column', p_parent
      USING ERRCODE = 'wrong_object_type', HINT = 'Create it with PARTITION BY RANGE, LIST or HASH (column).';
  END IF;
  RETURN NEXT;
END
$$;

-- Without SET, so that PostgreSQL can inline it: plans call it for every set. pg_get_expr prints bounds by the settings of the session, and
-- this query needs UTC and ISO: other sessions call partition_bounds.
CREATE OR REPLACE FUNCTION pgwright.partition_bounds_in_utc(p_parent regclass, p_kind text)
RETURNS TABLE (
  partition oid,
  partition_schema name,
  partition_name name,
  bound text,
  lower_position numeric,
  upper_position numeric,
  is_default boolean,
  detach_pending boolean
)
LANGUAGE sql
STABLE
ROWS 50
BEGIN ATOMIC
  SELECT
    c.oid,
    n.nspname,
    c.relname,
    e.bound,
    p.lower_position,
    p.upper_position,
    e.bound = 'DEFAULT',
    i.inhdetachpending
  FROM pg_catalog.pg_inherits AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  -- OFFSET 0: evaluated once per row.
  CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(c.relpartbound, c.oid) OFFSET 0) AS e (bound)
  -- FOR VALUES FROM (...) TO (...); neither times, numbers nor UUIDs have parentheses.
  CROSS JOIN LATERAL (
    SELECT
      CASE WHEN r.is_range THEN split_part(split_part(e.bound, '(', 2), ')', 1) END,
      CASE WHEN r.is_range THEN split_part(split_part(e.bound, '(', 3), ')', 1) END
    FROM (SELECT p_kind IN ('time', 'integer', 'uuid7') AND e.bound <> 'DEFAULT') AS r (is_range)
    OFFSET 0
  ) AS l (lower_end, upper_end)
  CROSS JOIN LATERAL (
    SELECT pgwright.partition_position(p_kind, l.lower_end), pgwright.partition_position(p_kind, l.upper_end) OFFSET 0
  ) AS p (lower_position, upper_position)
  WHERE i.inhparent = p_parent;
END;

CREATE OR REPLACE FUNCTION pgwright.partition_bounds(p_parent regclass, p_kind text)
RETURNS TABLE (
  partition oid,
  partition_schema name,
  partition_name name,
  bound text,
  lower_position numeric,
  upper_position numeric,
  is_default boolean,
  detach_pending boolean
)
LANGUAGE plpgsql
STABLE
ROWS 50
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
BEGIN
  RETURN QUERY SELECT b.* FROM pgwright.partition_bounds_in_utc(p_parent, p_kind) AS b;
END
$$;

-- False: the table has no block, so no row. True: it may have rows.
CREATE OR REPLACE FUNCTION pgwright.partition_filled(p_table oid)
RETURNS boolean
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
BEGIN
  RETURN pg_catalog.pg_relation_size(p_table) > 0
    OR EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = p_table AND c.relkind <> 'r');
END
$$;

-- Estimated rows of a table, by the last ANALYZE or the statistics. `p_counted`: counts the rows of a table that was never analyzed.
CREATE OR REPLACE FUNCTION pgwright.partition_rows(p_table oid, p_counted boolean DEFAULT false)
RETURNS bigint
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_rows bigint := 0;
  v_leaf record;
  v_count bigint;
BEGIN
  FOR v_leaf IN
    SELECT c.oid AS relid, c.reltuples::bigint AS tuples
    FROM pg_catalog.pg_class AS c
    WHERE c.oid = p_table AND c.relkind = 'r' OR c.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(p_table::regclass) AS t WHERE t.isleaf)
  LOOP
    v_count := CASE WHEN v_leaf.tuples >= 0 THEN v_leaf.tuples ELSE pg_catalog.pg_stat_get_live_tuples(v_leaf.relid) END;
    IF p_counted AND v_leaf.tuples < 0 THEN
      BEGIN
        EXECUTE format('SELECT count(*) FROM %s', v_leaf.relid::regclass) INTO v_count;
      EXCEPTION WHEN undefined_table THEN
        NULL; -- dropped or renamed
      END;
    END IF;
    v_rows := v_rows + v_count;
  END LOOP;
  RETURN v_rows;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_bytes(p_table oid)
RETURNS bigint
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT coalesce(
    (SELECT sum(pg_catalog.pg_total_relation_size(t.relid)) FROM pg_catalog.pg_partition_tree(p_table::regclass) AS t WHERE t.isleaf),
    -- pg_partition_tree returns no row for a plain table.
    pg_catalog.pg_total_relation_size(p_table), 0)::bigint
$$;
