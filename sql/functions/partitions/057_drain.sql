-- Drains a DEFAULT partition with many rows: they are copied into their own partitions while the table is in use, and the switch attaches
-- these partitions together with a new DEFAULT partition.

-- More rows than this are copied. Fewer are moved under the lock that the creation of a partition needs anyway. Indexes are built under
-- this lock too, and an index of an extension (hnsw, ivfflat) takes a millisecond or more per row.
CREATE OR REPLACE FUNCTION pgwright.partition_drain_limit(p_parent oid)
RETURNS bigint
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT CASE WHEN EXISTS (
    SELECT FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_am'::regclass AND d.objid = c.relam AND d.deptype = 'e'
    WHERE i.indrelid = p_parent
  ) THEN 100 ELSE 20000 END
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_drain_problems(p_set pgwright.partition_sets, p_default oid)
RETURNS SETOF text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT pgwright.partition_copy_problems(p_set, to_regclass(p_set.parent))
  UNION
  SELECT pgwright.partition_copy_problems(p_set, p_default)
  UNION
  SELECT 'it is partitioned itself' FROM pg_catalog.pg_class AS c WHERE c.oid = p_default AND c.relkind <> 'r'
  UNION
  SELECT format('foreign key %I of %s references only this partition; let it reference %s', f.name, f.referencing, p_set.parent)
  FROM pgwright.partition_foreign_keys_in(p_default) AS f
  UNION
  SELECT format('publication %I names it; ALTER PUBLICATION %1$I DROP TABLE %s, and add %s', p.pubname, p_default::regclass, p_set.parent)
  FROM pg_catalog.pg_publication_rel AS r JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid WHERE r.prrelid = p_default
$$;

-- Whether rows of DEFAULT are copied, and DEFAULT is replaced, rather than moved: many rows, for the table's indexes; rows that a foreign
-- key references, as moving deletes them; and rows of a publication that would send only a part of the move. `p_bounds`: bounds of their
-- partitions.
CREATE OR REPLACE FUNCTION pgwright.partition_drain_copies(
  p_set pgwright.partition_sets,
  p_default oid,
  p_rows bigint,
  p_bounds text[]
)
RETURNS boolean
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_column name;
BEGIN
  IF p_set.overflow <> 'drain' OR p_rows = 0 THEN
    RETURN false;
  END IF;
  IF p_rows > pgwright.partition_drain_limit(to_regclass(p_set.parent)) OR EXISTS (SELECT FROM pgwright.partition_published(p_default) AS p WHERE NOT p.moves) THEN
    RETURN true;
  END IF;
  IF pgwright.partition_referenced(p_default) IS NULL THEN
    RETURN false;
  END IF;
  -- The search for references to each row may take long under a lock. So it is done only if a copy is not possible.
  IF NOT EXISTS (SELECT pgwright.partition_drain_problems(p_set, p_default)) THEN
    RETURN true;
  END IF;
  SELECT k.key_column INTO v_column FROM pgwright.partition_key(to_regclass(p_set.parent)) AS k;
  RETURN pgwright.partition_referenced(p_default, (
    SELECT string_agg(pgwright.partition_condition(v_column, b), ' OR ') FROM unnest(p_bounds) AS b)) IS NOT NULL;
END
$$;

-- The condition for rows outside of these bounds, as PostgreSQL writes it, so that the ATTACH does not scan the table.
CREATE OR REPLACE FUNCTION pgwright.partition_drain_rest(p_column name, p_bounds text[])
RETURNS text
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$
  SELECT format('NOT (%I IS NOT NULL AND (%s))', p_column, string_agg('(' || concat_ws(' AND ',
    CASE WHEN e.ends[1] <> 'MINVALUE' THEN format('%I >= %s', p_column, e.ends[1]) END,
    CASE WHEN e.ends[2] <> 'MAXVALUE' THEN format('%I < %s', p_column, e.ends[2]) END) || ')', ' OR ' ORDER BY b.n))
  FROM unnest(p_bounds) WITH ORDINALITY AS b (bound, n)
  CROSS JOIN LATERAL regexp_match(b.bound, '^FOR VALUES FROM \((.+)\) TO \((.+)\)$') AS e (ends)
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_drain_begin(p_set pgwright.partition_sets, p_now timestamptz)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
  v_copy pgwright.partition_copies;
  v_parent regclass := to_regclass(p_set.parent);
  v_key record;
  v_problems text[];
  v_schema name;
  v_name name;
  v_target text;
  v_rest text;
  v_todo jsonb;
  v_rows bigint;
  v_bounds text[];
BEGIN
  EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', v_parent);
  SELECT * INTO v_key FROM pgwright.partition_key(v_parent);
  SELECT jsonb_agg(to_jsonb(p)), coalesce(sum(p.row_count), 0), array_agg(p.bound) FILTER (WHERE p.row_count > 0)
  INTO v_todo, v_rows, v_bounds
  FROM pgwright.partition_plan_steps(p_set, p_now) AS p WHERE p.action = 'create';
  -- The rows were removed after the plan.
  IF NOT pgwright.partition_drain_copies(p_set, v_key.default_partition, v_rows, v_bounds) THEN
    RETURN;
  END IF;
  v_problems := ARRAY(SELECT pgwright.partition_drain_problems(p_set, v_key.default_partition));
  IF v_problems <> '{}' THEN
    RAISE EXCEPTION E'the rows of % cannot be moved to partitions while it is in use:\n  %', v_key.default_partition::regclass,
      array_to_string(v_problems, E'\n  ')
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  SELECT n.nspname, c.relname INTO v_schema, v_name
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = v_parent;
  v_target := format('%I.%I', v_schema, pgwright.partition_beside(v_name, '_draining'));

  v_copy.parent := p_set.parent;
  v_copy.action := 'drain';
  v_copy.source := v_key.default_partition;
  v_copy.keys := pgwright.partition_copy_keys(v_parent);
  v_copy.target_keys := v_copy.keys;
  EXECUTE format(
    'CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE'
    ' INCLUDING COMPRESSION) PARTITION BY RANGE (%I)', v_target, v_parent, v_key.key_column);
  v_copy.target := to_regclass(v_target);
  PERFORM pgwright.partition_copy_build(v_parent, v_copy.target, v_copy.keys, v_copy.keys);
  SELECT c.relname INTO v_name FROM pg_catalog.pg_class AS c WHERE c.oid = v_copy.source;
  v_rest := format('%I.%I', v_schema, pgwright.partition_beside(v_name, '_rest'));
  EXECUTE format('CREATE TABLE %s PARTITION OF %s DEFAULT%s', v_rest, v_target, pgwright.partition_storage(
    '{"storage": {"autovacuum_enabled": "false"}}', v_copy.source));
  SELECT array_agg(b.bound ORDER BY b.lower_position) INTO v_bounds
  FROM (
    SELECT p.bound, p.lower_position FROM pgwright.partition_bounds(v_parent, p_set.kind) AS p WHERE NOT p.is_default
    UNION ALL
    SELECT t ->> 'bound', pgwright.partition_position(p_set.kind, (regexp_match(t ->> 'bound', 'FROM \((.+)\) TO'))[1])
    FROM jsonb_array_elements(v_todo) AS t
  ) AS b;
  EXECUTE format('ALTER TABLE %s ADD CONSTRAINT pgwright_bound CHECK (%s)', v_rest,
    pgwright.partition_drain_rest(v_key.key_column, v_bounds));
  PERFORM pgwright.partition_secure(v_parent, v_copy.target);
  PERFORM pgwright.partition_statistics(v_parent, v_copy.target);
  PERFORM pgwright.partition_identify(v_parent, v_copy.target);
  PERFORM pgwright.partition_copy_start(p_set, v_copy, p_now, v_todo);
END
$$;

-- The switch. It locks the table briefly, as every detach from a table with a DEFAULT partition does.
CREATE OR REPLACE FUNCTION pgwright.partition_drain_switch(p_set pgwright.partition_sets, INOUT p_copy pgwright.partition_copies)
LANGUAGE plpgsql
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
  v_start timestamptz;
  v_parent regclass := to_regclass(p_set.parent);
  v_source regclass := p_copy.source;
  v_off record;
  v_part record;
  v_schema name;
  v_name name;
  v_statement text;
  v_properties text[];
  v_rest oid;
BEGIN
  EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', v_parent);
  v_start := clock_timestamp();
  PERFORM set_config('lock_timeout', '50ms', true);
  EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', v_source);
  IF pgwright.partition_copy_signature(v_source) <> p_copy.signature THEN
    RAISE EXCEPTION 'the columns, indexes or constraints of % have changed during its copy', v_source
      USING ERRCODE = 'object_not_in_prerequisite_state',
        HINT = format('SELECT pgwright.partition_copy_abandon(%L) removes the copy, and the next run begins another one.', p_copy.parent);
  END IF;
  SELECT n.nspname, c.relname INTO v_schema, v_name
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = v_source;
  PERFORM pgwright.partition_copy_unmirror(p_copy);
  v_properties := ARRAY(SELECT pgwright.partition_convert_properties(v_source));
  SELECT * INTO v_off FROM pgwright.partition_copy_keys_off(v_parent, p_copy);
  p_copy := v_off.p_copy;
  EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', v_parent, v_source);
  p_copy.kept := format('%I.%I', v_schema, pgwright.partition_beside(v_name, '_drained'));
  EXECUTE format('ALTER TABLE %s RENAME TO %I', v_source, pgwright.partition_beside(v_name, '_drained'));
  PERFORM pgwright.partition_note(p_set.parent, p_copy.source, NULL, NULL, NULL);
  FOR v_part IN
    SELECT b.*, format('%I.%I', b.partition_schema, b.partition_name) AS name
    FROM pgwright.partition_bounds(p_copy.target::regclass, p_set.kind) AS b ORDER BY b.is_default, b.lower_position
  LOOP
    EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', p_copy.target::regclass, v_part.name);
    IF v_part.is_default THEN
      v_rest := v_part.partition;
      PERFORM pgwright.partition_policies_drop(v_rest); -- it gets the policies of its predecessor
      EXECUTE format('ALTER TABLE %s RENAME TO %I', v_part.name, v_name);
      v_part.name := format('%I.%I', v_schema, v_name);
    END IF;
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s %s', v_parent, v_part.name, v_part.bound);
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT pgwright_bound', v_part.name);
    PERFORM pgwright.partition_note(p_set.parent, v_part.partition, v_part.name, v_part.bound, 'attached',
      v_part.name = ANY (p_copy.strays));
    IF NOT v_part.is_default THEN
      PERFORM pgwright.partition_secure(v_parent, v_part.partition);
      PERFORM pgwright.partition_note_secured(p_set.parent, v_part.partition);
    END IF;
  END LOOP;
  FOREACH v_statement IN ARRAY v_off.back || v_properties LOOP
    EXECUTE v_statement;
  END LOOP;
  PERFORM pgwright.partition_secure(v_parent, v_rest);
  PERFORM pgwright.partition_note_secured(p_set.parent, v_rest);
  p_copy.locked := clock_timestamp() - v_start;
  p_copy.phase := 'finish';
END
$$;
