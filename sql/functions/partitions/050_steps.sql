-- The steps of a run, each one short transaction: no lock is held from one to the next.

-- Keeps the books. The runs' roles own the tables and not the books, so this runs as their owner and looks at who asks.
CREATE OR REPLACE FUNCTION pgwright.partition_note(p_parent text, p_partition oid, p_name text, p_bound text, p_state text)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
  PERFORM pgwright.partition_may(p_parent);
  IF p_state IS NULL THEN
    DELETE FROM pgwright.partitions_known AS k WHERE k.parent = p_parent AND k.partition = p_partition;
  ELSE
    -- A table that is being made into a set is not one yet.
    INSERT INTO pgwright.partitions_known AS k (parent, partition, name, bound, state)
    SELECT s.parent, p_partition, p_name, p_bound, p_state FROM pgwright.partition_sets AS s WHERE s.parent = p_parent
    ON CONFLICT (parent, partition) DO UPDATE
    SET name = excluded.name, bound = excluded.bound, state = excluded.state, since = now();
  END IF;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_note_run(p_parent text, p_error text)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
  PERFORM pgwright.partition_may(p_parent);
  UPDATE pgwright.partition_sets AS s
  SET last_run = clock_timestamp(),
    last_success = CASE WHEN p_error IS NULL THEN clock_timestamp() ELSE s.last_success END,
    last_error = p_error
  WHERE s.parent = p_parent;
END
$$;

-- Only who owns a set's table, or may become its owner, has anything to say about it.
CREATE OR REPLACE FUNCTION pgwright.partition_may(p_parent text)
RETURNS name
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_owner name;
BEGIN
  SELECT pg_catalog.pg_get_userbyid(c.relowner) INTO v_owner
  FROM pg_catalog.pg_class AS c WHERE c.oid = to_regclass(p_parent);
  IF v_owner IS NULL OR NOT pg_catalog.pg_has_role(session_user, v_owner, 'SET') THEN
    RAISE EXCEPTION 'role % may not maintain %', session_user, coalesce(p_parent, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = format('GRANT %I TO %I', coalesce(v_owner, 'owner'), session_user);
  END IF;
  RETURN v_owner;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_create(
  p_set pgwright.partition_sets,
  p_partition text,
  p_bound text,
  p_rows bigint
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
  v_columns text;
  v_by text := '';
  v_index text;
BEGIN
  -- The parent first, always: the order in which everybody else locks. Readers and writers are not blocked.
  EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', v_parent);
  IF to_regclass(p_partition) IS NOT NULL THEN
    RAISE EXCEPTION '% exists and is not the partition of % %', p_partition, v_parent, p_bound
      USING ERRCODE = 'duplicate_table', HINT = 'Rename or drop it, or attach it with these bounds.';
  END IF;
  SELECT * INTO v_key FROM pgwright.partition_key(v_parent);
  IF v_key.default_partition <> 0 THEN
    -- ATTACH takes this lock anyway; taken now, no row can arrive between the move and the ATTACH.
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', v_key.default_partition::regclass);
    IF p_rows > 0 AND p_set.overflow = 'guard' THEN
      RAISE EXCEPTION '% has % rows that belong into a partition % of their own', v_key.default_partition::regclass, p_rows, p_bound
        USING ERRCODE = 'check_violation', HINT = 'Move or delete them, or write overflow: drain.';
    END IF;
  END IF;

  IF p_set.sub IS NOT NULL THEN
    v_by := format(' PARTITION BY %s (%I)', p_set.sub ->> 'by', p_set.sub ->> 'column');
  END IF;
  -- Not PARTITION OF, which would lock the parent against its readers. ATTACH adds indexes, keys and identity.
  EXECUTE format(
    'CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE'
    ' INCLUDING COMPRESSION INCLUDING STATISTICS)%s%s%s',
    p_partition, v_parent, v_by, CASE WHEN p_set.sub IS NULL THEN pgwright.partition_storage(p_set.template) ELSE '' END,
    coalesce(' TABLESPACE ' || quote_ident(p_set.template ->> 'tablespace'), '')
  );
  v_child := p_partition::regclass;
  IF p_set.sub IS NOT NULL THEN
    PERFORM pgwright.partition_subdivide(p_set, v_child);
  END IF;

  IF v_key.default_partition <> 0 AND p_set.overflow = 'drain' THEN
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO STRICT v_columns
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = v_parent AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
    EXECUTE format(
      'WITH moved AS (DELETE FROM %1$s WHERE %4$s RETURNING %3$s) INSERT INTO %2$s (%3$s) SELECT %3$s FROM moved',
      v_key.default_partition::regclass, v_child, v_columns, pgwright.partition_condition(v_key.key_column, p_bound)
    );
  END IF;

  FOR v_index IN SELECT jsonb_array_elements_text(p_set.template -> 'indexes') LOOP
    EXECUTE format('CREATE INDEX ON %s %s', v_child, v_index);
  END LOOP;
  EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s %s', v_parent, v_child, p_bound);
  IF (SELECT c.relreplident FROM pg_catalog.pg_class AS c WHERE c.oid = v_parent) = 'f' THEN
    EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', v_child);
  END IF;
  PERFORM pgwright.partition_note(p_set.parent, v_child, p_partition, p_bound, 'attached');
END
$$;

-- WITH (...) of the storage parameters that a set declares.
CREATE OR REPLACE FUNCTION pgwright.partition_storage(p_template jsonb)
RETURNS text
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$
  SELECT coalesce(' WITH (' || string_agg(format('%s = %L', s.key, s.value), ', ' ORDER BY s.key) || ')', '')
  FROM jsonb_each_text(p_template -> 'storage') AS s
$$;

-- A bound of RANGE or LIST as a condition on its column.
CREATE OR REPLACE FUNCTION pgwright.partition_condition(p_column name, p_bound text)
RETURNS text
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$
  SELECT CASE
    WHEN p_bound LIKE 'FOR VALUES IN (%' THEN format('%I IN %s', p_column, substr(p_bound, 15))
    ELSE format('%1$I >= %2$s AND %1$I < %3$s', p_column, b.ends[1], b.ends[2])
  END
  FROM regexp_match(p_bound, '^FOR VALUES FROM \((.+)\) TO \((.+)\)$') AS b (ends)
$$;

-- The partitions of a partition. It is not attached yet, so nobody waits.
CREATE OR REPLACE FUNCTION pgwright.partition_subdivide(p_set pgwright.partition_sets, p_child regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_schema name;
  v_name name;
  v_leaf record;
BEGIN
  SELECT n.nspname, c.relname INTO v_schema, v_name
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = p_child;
  FOR v_leaf IN
    SELECT '_' || m.key AS suffix,
      (SELECT 'FOR VALUES IN (' || string_agg(quote_nullable(v), ', ') || ')' FROM jsonb_array_elements_text(m.value) AS v) AS bound
    FROM jsonb_each(p_set.sub -> 'partitions') AS m
    WHERE p_set.sub ->> 'by' = 'list'
    UNION ALL
    SELECT '_default', 'DEFAULT' WHERE p_set.sub ->> 'by' = 'list' AND (p_set.sub ->> 'default')::boolean
    UNION ALL
    SELECT '_h' || r, format('FOR VALUES WITH (modulus %s, remainder %s)', p_set.sub ->> 'modulus', r)
    FROM generate_series(0, (p_set.sub ->> 'modulus')::int - 1) AS r
    WHERE p_set.sub ->> 'by' = 'hash'
  LOOP
    EXECUTE format('CREATE TABLE %I.%I PARTITION OF %s %s%s%s', v_schema, left(v_name, 63 - length(v_leaf.suffix)) || v_leaf.suffix,
      p_child, v_leaf.bound, pgwright.partition_storage(p_set.template),
      coalesce(' TABLESPACE ' || quote_ident(p_set.template ->> 'tablespace'), ''));
  END LOOP;
END
$$;

-- Detaches without making anybody wait. PostgreSQL does so only where there is no DEFAULT partition, and in no transaction:
-- a connection of its own runs it. It waits for transactions that use the parent; the caller's may not be one of them.
CREATE OR REPLACE FUNCTION pgwright.partition_detach_concurrently(p_parent text, p_partition text)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
  v_pending boolean;
  v_dblink text;
  v_connection text := 'pgwright_detach';
  v_how text;
BEGIN
  PERFORM pgwright.partition_may(p_parent);
  SELECT i.inhdetachpending INTO v_pending
  FROM pg_catalog.pg_inherits AS i
  WHERE i.inhparent = to_regclass(p_parent) AND i.inhrelid = to_regclass(p_partition);
  IF NOT FOUND THEN
    RETURN;
  END IF;
  -- Only what retention has taken: nobody detaches anything else by this function.
  IF NOT v_pending AND NOT EXISTS (
    SELECT FROM pgwright.partitions_known AS k
    WHERE k.parent = p_parent AND k.partition = to_regclass(p_partition) AND k.state = 'retiring'
  ) THEN
    RAISE EXCEPTION 'retention of % has not taken %', p_parent, p_partition USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  SELECT quote_ident(n.nspname) INTO STRICT v_dblink
  FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'dblink';
  EXECUTE format('SELECT %s.dblink_connect(%L, %L)', v_dblink, v_connection, format(
    'dbname=''%s'' host=''%s'' port=%s user=''%s'' application_name=pgwright',
    replace(replace(current_database(), '\', '\\'), '''', '\'''),
    split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_user
  ));
  v_how := CASE WHEN v_pending THEN 'FINALIZE' ELSE 'CONCURRENTLY' END;
  BEGIN
    EXECUTE format('SELECT %s.dblink_exec(%L, %L)', v_dblink, v_connection, 'SET lock_timeout = ''30s''');
    EXECUTE format('SELECT %s.dblink_exec(%L, %L)', v_dblink, v_connection,
      format('ALTER TABLE %s DETACH PARTITION %s %s', to_regclass(p_parent), p_partition, v_how));
  EXCEPTION WHEN OTHERS THEN
    EXECUTE format('SELECT %s.dblink_disconnect(%L)', v_dblink, v_connection);
    RAISE;
  END;
  EXECUTE format('SELECT %s.dblink_disconnect(%L)', v_dblink, v_connection);
END
$$;

-- What becomes of a partition once it is detached. `p_action`: detach, archive or drop.
CREATE OR REPLACE FUNCTION pgwright.partition_dispose(p_set pgwright.partition_sets, p_action text, p_partition text, p_bound text)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_table regclass := to_regclass(p_partition);
  v_schema text := p_set.retention ->> 'schema';
  v_space text := p_set.retention ->> 'tablespace';
  v_name name;
BEGIN
  IF v_table IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = v_table) THEN
    RETURN;
  END IF;
  IF p_action = 'drop' THEN
    EXECUTE format('DROP TABLE %s', v_table);
    PERFORM pgwright.partition_note(p_set.parent, v_table, NULL, NULL, NULL);
    RETURN;
  END IF;
  IF p_action = 'archive' AND v_space IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s SET TABLESPACE %I', v_table, v_space);
  END IF;
  IF p_action = 'archive' AND v_schema IS NOT NULL THEN
    SELECT c.relname INTO v_name FROM pg_catalog.pg_class AS c WHERE c.oid = v_table;
    EXECUTE format('ALTER TABLE %s SET SCHEMA %I', v_table, v_schema);
    p_partition := format('%I.%I', v_schema, v_name);
  END IF;
  PERFORM pgwright.partition_note(p_set.parent, v_table, p_partition, p_bound,
    CASE p_action WHEN 'archive' THEN 'archived' ELSE 'detached' END);
END
$$;
