-- Creates a partition in one short transaction.

CREATE OR REPLACE FUNCTION pgwright.partition_create(
  p_set pgwright.partition_sets,
  p_partition text,
  p_bound text,
  p_rows bigint,
  p_stray boolean DEFAULT false
)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
  v_parent regclass := to_regclass(p_set.parent);
  v_key record;
  v_child regclass;
  v_default regclass;
  v_columns text;
  v_condition text;
  v_by text := '';
  v_own record;
  v_storage text;
  v_index text;
  v_published boolean[];
  v_refers text;
  -- table that keeps rows until the partition is attached
  v_waiting text;
  v_move boolean := false;
BEGIN
  -- Lock the parent first, in the order of all other sessions. Readers and writers are blocked only if there is a DEFAULT partition.
  EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', v_parent);
  IF to_regclass(p_partition) IS NOT NULL THEN
    -- Another run may have created it after the plan. Numbers are printed with or without quotes.
    IF EXISTS (
      SELECT FROM pgwright.partition_bounds(v_parent, p_set.kind) AS b
      WHERE b.partition = to_regclass(p_partition) AND replace(b.bound, '''', '') = replace(p_bound, '''', '')
    ) THEN
      RETURN;
    END IF;
    IF EXISTS (
      SELECT FROM pgwright.partitions_known AS k
      WHERE k.parent = p_set.parent AND k.partition = to_regclass(p_partition) AND k.state = 'retiring'
    ) THEN
      RAISE EXCEPTION 'retention of another partition % is not finished; the next run retries', p_partition USING ERRCODE = 'lock_not_available';
    END IF;
    RAISE EXCEPTION '% exists and is not the partition of % %', p_partition, v_parent, p_bound
      USING ERRCODE = 'duplicate_table', HINT = 'Rename or drop it, or attach it with these bounds.';
  END IF;
  SELECT * INTO v_key FROM pgwright.partition_key(v_parent);
  v_default := nullif(v_key.default_partition, 0);
  IF v_default IS NOT NULL AND p_rows > 0 AND p_set.overflow = 'guard' THEN
    RAISE EXCEPTION '% has % rows that belong into partition %', v_default, p_rows, p_bound
      USING ERRCODE = 'check_violation', HINT = 'Move or delete the rows, or declare overflow: drain.';
  END IF;

  IF p_set.sub IS NOT NULL THEN
    v_by := format(' PARTITION BY %s (%I)', p_set.sub ->> 'by', p_set.sub ->> 'column');
  END IF;
  SELECT c.relam, c.reltablespace INTO STRICT v_own FROM pg_catalog.pg_class AS c WHERE c.oid = v_parent;
  v_storage := pgwright.partition_storage(p_set.template, pgwright.partition_model(v_parent));
  -- Not PARTITION OF, which would block readers of the parent. ATTACH adds indexes, keys and identity.
  EXECUTE format(
    'CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE'
    ' INCLUDING COMPRESSION INCLUDING STATISTICS INCLUDING COMMENTS)%s%s%s%s',
    p_partition, v_parent, v_by, coalesce(' USING ' || (SELECT quote_ident(m.amname) FROM pg_catalog.pg_am AS m WHERE m.oid = v_own.relam), ''),
    CASE WHEN p_set.sub IS NULL THEN v_storage ELSE '' END,
    coalesce(' TABLESPACE ' || quote_ident(coalesce(p_set.template ->> 'tablespace',
      (SELECT t.spcname FROM pg_catalog.pg_tablespace AS t WHERE t.oid = v_own.reltablespace))), '')
  );
  v_child := p_partition::regclass;

  IF v_default IS NOT NULL THEN
    v_condition := pgwright.partition_condition(v_key.key_column, p_bound);
    -- A query planned with the former partitions that waits for DEFAULT would see moving rows in neither table. A session that
    -- reads the list of partitions now would insert rows into DEFAULT that belong to this partition. The lock makes both wait first.
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', v_parent);
    -- ATTACH needs this lock anyway; taken now, no row can arrive between the move and the ATTACH.
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', v_default);
    v_move := p_set.overflow = 'drain' AND pgwright.partition_has(v_default, v_condition);
  END IF;
  IF v_move THEN
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO STRICT v_columns
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = v_parent AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
    v_published := ARRAY(SELECT p.moves FROM pgwright.partition_published(v_default) AS p);
    v_refers := pgwright.partition_referenced(v_default, v_condition);
    IF v_refers IS NOT NULL OR false = ANY (v_published) THEN
      RAISE EXCEPTION 'rows of partition % in % cannot be moved and have to be copied: %', p_partition, v_default,
        coalesce(v_refers || ' references them', 'a publication would send only a part of the move')
        USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'The next run copies them.';
    END IF;
    -- Publications send only rows that are written after the ATTACH. A partition with subpartitions gets its rows later, too.
    IF v_published <> '{}' OR p_set.sub IS NOT NULL THEN
      SELECT format('%I.%I', n.nspname, pgwright.partition_beside(c.relname, '_moving')) INTO v_waiting
      FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = v_child;
      -- Unlogged, so that no publication includes it.
      EXECUTE format('CREATE UNLOGGED TABLE %s AS SELECT %s FROM %s WITH NO DATA', v_waiting, v_columns, v_parent);
    END IF;
    PERFORM pgwright.partition_move(v_default, coalesce(to_regclass(v_waiting), v_child), v_columns, v_condition);
  END IF;

  FOR v_index IN SELECT jsonb_array_elements_text(p_set.template -> 'indexes') LOOP
    EXECUTE format('CREATE INDEX ON %s %s', v_child, v_index);
  END LOOP;
  EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s %s', v_parent, v_child, p_bound);
  -- After the ATTACH, which adds identity columns only to the attached table, while DETACH expects them in the tables below it too.
  IF p_set.sub IS NOT NULL THEN
    PERFORM pgwright.partition_subdivide(p_set, v_child, v_storage);
  END IF;
  IF v_waiting IS NOT NULL THEN
    PERFORM pgwright.partition_move(v_waiting::regclass, v_child, v_columns, 'true');
    EXECUTE format('DROP TABLE %s', v_waiting);
  END IF;
  PERFORM pgwright.partition_statistics(v_parent, v_child);
  PERFORM pgwright.partition_identify(v_parent, v_child);
  PERFORM pgwright.partition_secure(v_parent, v_child);
  PERFORM pgwright.partition_note(p_set.parent, v_child, p_partition, p_bound, 'attached', p_stray);
  PERFORM pgwright.partition_note_secured(p_set.parent, v_child);
END
$$;

-- A RANGE or LIST bound as a condition on its column.
CREATE OR REPLACE FUNCTION pgwright.partition_condition(p_column name, p_bound text)
RETURNS text
LANGUAGE plpgsql
IMMUTABLE
SET search_path = ''
AS $$
DECLARE
  v_ends text[] := regexp_match(p_bound, '^FOR VALUES FROM \((.+)\) TO \((.+)\)$');
BEGIN
  IF v_ends IS NOT NULL THEN
    RETURN concat_ws(' AND ', format('%I IS NOT NULL', p_column),
      CASE WHEN v_ends[1] <> 'MINVALUE' THEN format('%I >= %s', p_column, v_ends[1]) END,
      CASE WHEN v_ends[2] <> 'MAXVALUE' THEN format('%I < %s', p_column, v_ends[2]) END);
  END IF;
  v_ends := regexp_match(p_bound, '^FOR VALUES IN \((.+)\)$');
  RETURN format('(%1$I IN (%2$s)%3$s)', p_column, v_ends[1],
    CASE WHEN v_ends[1] ~ '(^|, )NULL(,|$)' THEN format(' OR %I IS NULL', p_column) ELSE '' END);
END
$$;

-- Creates the subpartitions of a partition, which no other transaction knows yet, so no session waits.
CREATE OR REPLACE FUNCTION pgwright.partition_subdivide(p_set pgwright.partition_sets, p_child regclass, p_storage text)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_schema name;
  v_name text;
  v_parent text;
  v_common int := 0;
  v_leaf record;
BEGIN
  SELECT n.nspname, c.relname INTO v_schema, v_name
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = p_child;
  -- Only the name of the table is cut: the rest distinguishes the partitions.
  SELECT c.relname INTO v_parent FROM pg_catalog.pg_class AS c WHERE c.oid = to_regclass(p_set.parent);
  WHILE v_common < length(v_name) AND left(v_name, v_common + 1) = left(v_parent, v_common + 1) LOOP
    v_common := v_common + 1;
  END LOOP;
  FOR v_leaf IN
    SELECT d.suffix, d.bound
    FROM pgwright.partition_declared(p_set.sub ->> 'by', p_set.sub -> 'values', (p_set.sub ->> 'modulus')::int) AS d
    UNION ALL
    SELECT '_default', 'DEFAULT' WHERE p_set.sub ->> 'by' = 'list' AND (p_set.sub ->> 'default')::boolean
  LOOP
    EXECUTE format('CREATE TABLE %I.%I PARTITION OF %s %s%s%s', v_schema,
      pgwright.partition_beside(left(v_name, v_common), substr(v_name, v_common + 1) || v_leaf.suffix),
      p_child, v_leaf.bound, p_storage,
      coalesce(' TABLESPACE ' || quote_ident(p_set.template ->> 'tablespace'), ''));
  END LOOP;
END
$$;
