-- Converts a plain table while it is in use: a partitioned table gets its rows, then its name.

-- The set of the new table before the switch: every row has a partition, and no retention applies.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_set(p_set pgwright.partition_sets, p_copy pgwright.partition_copies)
RETURNS pgwright.partition_sets
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
BEGIN
  p_set.parent := p_copy.target::regclass::text;
  p_set.overflow := 'drain';
  p_set.retention := NULL;
  RETURN p_set;
END
$$;

-- The same, with partitions from the first row of the source to its last.
CREATE OR REPLACE FUNCTION pgwright.partition_convert_set(p_set pgwright.partition_sets, p_copy pgwright.partition_copies)
RETURNS pgwright.partition_sets
LANGUAGE plpgsql
STABLE
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
  v_set pgwright.partition_sets := pgwright.partition_copy_set(p_set, p_copy);
  v_column name;
  v_type regtype;
  v_ends numeric[];
  v_end text;
  v_clock numeric;
  v_count bigint;
BEGIN
  IF v_set.kind IN ('list', 'hash') THEN
    RETURN v_set;
  END IF;
  SELECT k.key_column, k.key_type INTO v_column, v_type FROM pgwright.partition_key(p_copy.target) AS k;
  -- Rows that are further back than gaps are filled get their own partitions, like rows of DEFAULT.
  v_clock := CASE WHEN v_set.kind = 'integer' THEN pgwright.partition_newest_row(p_copy.source, v_column, v_set.interval::numeric)
    ELSE pgwright.partition_clock(v_type, v_set.zone, p_copy.started_at) END;
  FOR v_turn IN 1..2 LOOP
    EXECUTE format('SELECT %1$I::text FROM ONLY %2$s WHERE %3$s%4$s ORDER BY %1$I %5$s LIMIT 1', v_column, p_copy.source::regclass,
      pgwright.partition_placed(v_set.kind, v_type, v_column),
      CASE v_turn WHEN 1 THEN ' AND ' || pgwright.partition_condition(v_column, format('FOR VALUES FROM (%s) TO (MAXVALUE)',
        pgwright.partition_end(v_type, v_set.kind,
          v_clock - pgwright.partition_reach() * pgwright.partition_width(v_set.kind, v_set.interval)))) END,
      CASE v_turn WHEN 1 THEN 'ASC' ELSE 'DESC' END) INTO v_end;
    v_ends := v_ends || pgwright.partition_position(v_set.kind, v_end);
  END LOOP;
  IF v_set.kind = 'integer' THEN
    v_set.start := least(v_ends[1], v_set.start::numeric)::text;
    RETURN v_set;
  END IF;
  v_set.start := least(v_set.start::timestamptz, CASE WHEN v_type IN ('date'::regtype, 'timestamp'::regtype)
    THEN (to_timestamp(v_ends[1]) AT TIME ZONE 'UTC') AT TIME ZONE v_set.zone ELSE to_timestamp(v_ends[1]) END)::text;
  IF v_ends[2] > v_clock THEN
    BEGIN
      SELECT count(*) INTO v_count FROM pgwright.partition_periods(v_set.kind, v_set.interval, v_set.zone, v_clock, v_ends[2]);
      IF v_count <= 1000 THEN
        v_set.premake := greatest(v_set.premake, v_count);
      END IF;
    EXCEPTION WHEN program_limit_exceeded OR datetime_field_overflow OR interval_field_overflow THEN
      NULL; -- A row at the limit of the type gets its partition later.
    END;
  END IF;
  RETURN v_set;
END
$$;

-- Creates indexes, keys and foreign keys of the source on the new table, under unused names.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_build(p_source regclass, p_target regclass, p_keys text[], p_target_keys text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_index record;
  v_name text;
  v_key record;
BEGIN
  FOR v_index IN
    SELECT i.*, x.relname, x.relkind, c.contype, pg_get_constraintdef(c.oid) AS constraint_definition, pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
    LEFT JOIN pg_catalog.pg_constraint AS c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid AND c.contype IN ('p', 'u')
    WHERE i.indrelid = p_source AND i.indisvalid
    ORDER BY i.indexrelid
  LOOP
    v_name := pgwright.partition_beside(v_index.relname, '_converting');
    IF v_index.contype = 'p' AND p_keys <> p_target_keys THEN
      EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY (%s)', p_target, v_name,
        pgwright.partition_copy_equal(p_target_keys, '%1$I', ', '));
    ELSIF v_index.contype IS NOT NULL THEN
      EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', p_target, v_name, v_index.constraint_definition);
    ELSE
      v_index.definition := substr(v_index.definition, 1 + length(format('CREATE %sINDEX %I ON %s%s',
        CASE WHEN v_index.indisunique THEN 'UNIQUE ' END, v_index.relname, CASE v_index.relkind WHEN 'I' THEN 'ONLY ' END, p_source)));
      EXECUTE format('CREATE %sINDEX %I ON %s%s', CASE WHEN v_index.indisunique THEN 'UNIQUE ' END, v_name, p_target, v_index.definition);
    END IF;
  END LOOP;
  FOR v_key IN
    SELECT c.conname, pg_get_constraintdef(c.oid) AS definition FROM pg_catalog.pg_constraint AS c
    WHERE c.conrelid = p_source AND c.contype = 'f' AND c.conparentid = 0
  LOOP
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', p_target, v_key.conname, v_key.definition);
  END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_convert_begin(p_set pgwright.partition_sets, p_now timestamptz)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_copy pgwright.partition_copies;
  v_source regclass := to_regclass(p_set.parent);
  v_schema name;
  v_name name;
  v_target text;
  v_column text := p_set.convert ->> 'column';
BEGIN
  -- Blocks changes of its definition, but no readers and writers.
  EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', v_source);
  PERFORM pgwright.partition_convert_plan(p_set, v_source);
  SELECT n.nspname, c.relname INTO v_schema, v_name
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = v_source;
  v_target := format('%I.%I', v_schema, pgwright.partition_beside(v_name, '_converting'));

  v_copy.parent := p_set.parent;
  v_copy.action := 'convert';
  v_copy.source := v_source;
  v_copy.keys := pgwright.partition_copy_keys(v_source);
  v_copy.target_keys := pgwright.partition_convert_keys(p_set, v_copy.keys);
  EXECUTE format(
    'CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE'
    ' INCLUDING COMPRESSION INCLUDING STATISTICS INCLUDING COMMENTS) PARTITION BY %s (%I)%s',
    v_target, v_source, CASE WHEN p_set.kind IN ('list', 'hash') THEN p_set.kind ELSE 'range' END, v_column,
    (SELECT coalesce(' USING ' || quote_ident(m.amname), '') || coalesce(' TABLESPACE ' || quote_ident(t.spcname), '')
      FROM pg_catalog.pg_class AS c
      LEFT JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
      LEFT JOIN pg_catalog.pg_tablespace AS t ON t.oid = c.reltablespace WHERE c.oid = v_source));
  v_copy.target := to_regclass(v_target);
  PERFORM pgwright.partition_copy_build(v_source, v_copy.target, v_copy.keys, v_copy.target_keys);
  -- Before the first row: the copy must have the policies of the source.
  PERFORM pgwright.partition_secure(v_source, v_copy.target);
  PERFORM pgwright.partition_statistics(v_source, v_copy.target);
  EXECUTE (SELECT format('ALTER TABLE %s REPLICA IDENTITY %s', v_target, CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
    ELSE 'DEFAULT' END) FROM pg_catalog.pg_class AS c WHERE c.oid = v_source);
  -- With a DEFAULT partition no row is refused while partitions are missing. A set without DEFAULT drops it at the switch.
  IF p_set.kind <> 'hash' THEN
    EXECUTE format('CREATE TABLE %I.%I PARTITION OF %s DEFAULT WITH (autovacuum_enabled = false)', v_schema,
      pgwright.partition_beside(v_name, CASE WHEN p_set.overflow = 'none' THEN '_converting_default' ELSE '_default' END), v_target);
    PERFORM pgwright.partition_secure(v_copy.target, d.default_partition) FROM pgwright.partition_key(v_copy.target) AS d;
    PERFORM pgwright.partition_identify(v_copy.target, d.default_partition) FROM pgwright.partition_key(v_copy.target) AS d;
  END IF;
  PERFORM pgwright.partition_copy_start(p_set, v_copy, p_now);
END
$$;

-- Names of planned partitions that are distant from the others.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_strays(p_steps jsonb)
RETURNS text[]
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$ SELECT coalesce(array_agg(s ->> 'partition'), '{}') FROM jsonb_array_elements(p_steps) AS s WHERE (s ->> 'stray')::boolean $$;

-- Records the copy, with the planned partitions.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_start(
  p_set pgwright.partition_sets,
  p_copy pgwright.partition_copies,
  p_now timestamptz,
  p_todo jsonb DEFAULT '[]'
)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
BEGIN
  p_copy.phase := 'partitions';
  p_copy.signature := pgwright.partition_copy_signature(p_copy.source);
  p_copy.todo := p_todo;
  p_copy.strays := pgwright.partition_copy_strays(p_todo);
  p_copy.batch := 1000;
  p_copy.copied := 0;
  p_copy.compared := 0;
  p_copy.checksum := 0;
  p_copy.rows_estimate := pgwright.partition_rows(p_copy.source);
  p_copy.started_at := p_now;
  PERFORM pgwright.partition_copy_put(p_copy);
  IF p_copy.action = 'convert' THEN
    SELECT coalesce(jsonb_agg(to_jsonb(p)), '[]') INTO p_copy.todo
    FROM pgwright.partition_plan_steps(pgwright.partition_convert_set(p_set, p_copy), p_now) AS p WHERE p.action = 'create';
    PERFORM pgwright.partition_copy_put(p_copy);
  END IF;
END
$$;

-- Creates some of the planned partitions. Autovacuum would delay the switch and is disabled until then.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_create(
  p_set pgwright.partition_sets,
  p_copy pgwright.partition_copies,
  p_steps jsonb
)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_step jsonb;
  v_leaf regclass;
  v_column name;
BEGIN
  SELECT k.key_column INTO v_column FROM pgwright.partition_key(p_copy.target) AS k;
  FOR v_step IN SELECT jsonb_array_elements(p_steps) LOOP
    PERFORM pgwright.partition_create(p_set, v_step ->> 'partition', v_step ->> 'bound', 0, (v_step ->> 'stray')::boolean);
    IF p_copy.action = 'drain' THEN
      -- With this constraint, the ATTACH of the switch does not scan the table.
      EXECUTE format('ALTER TABLE %s ADD CONSTRAINT pgwright_bound CHECK (%I IS NOT NULL AND %s)', v_step ->> 'partition', v_column,
        pgwright.partition_condition(v_column, v_step ->> 'bound'));
    END IF;
    FOR v_leaf IN SELECT t.relid FROM pg_catalog.pg_partition_tree(to_regclass(v_step ->> 'partition')) AS t WHERE t.isleaf LOOP
      EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', v_leaf);
    END LOOP;
  END LOOP;
END
$$;

-- Creates partitions for rows that arrived during the copy. True: every row has one, and the switch can begin.
CREATE OR REPLACE FUNCTION pgwright.partition_convert_settle(
  p_set pgwright.partition_sets,
  INOUT p_copy pgwright.partition_copies,
  p_now timestamptz
)
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.partition_sets := pgwright.partition_copy_set(p_set, p_copy);
  v_steps jsonb;
  v_default oid;
  v_column name;
  v_values text;
BEGIN
  SELECT jsonb_agg(to_jsonb(p)) INTO v_steps
  FROM (SELECT p.* FROM pgwright.partition_plan_steps(v_set, p_now) AS p WHERE p.action = 'create' LIMIT 5) AS p;
  IF v_steps IS NOT NULL THEN
    PERFORM pgwright.partition_copy_create(v_set, p_copy, v_steps);
    p_copy.strays := p_copy.strays || pgwright.partition_copy_strays(v_steps);
    p_copy.last_xid := pg_current_xact_id();
    RETURN;
  END IF;
  SELECT k.key_column, k.default_partition INTO v_column, v_default FROM pgwright.partition_key(p_copy.target) AS k;
  IF v_default <> 0 AND p_set.overflow = 'none' THEN
    EXECUTE format('SELECT string_agg(DISTINCT v, '', '') FROM (SELECT %I::text AS v FROM %s LIMIT 5) AS r', v_column, v_default::regclass)
    INTO v_values;
    IF v_values IS NOT NULL THEN
      RAISE EXCEPTION '% has rows without a partition: % is %', p_copy.source::regclass, v_column, v_values
        USING ERRCODE = 'check_violation', HINT = 'Change or delete the rows, or declare overflow: guard, which keeps them in a DEFAULT partition.';
    END IF;
  END IF;
  p_copy.phase := 'switch';
END
$$;
