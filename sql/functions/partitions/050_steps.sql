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
  v_moves text;
  v_home text;
  v_move boolean := false;
BEGIN
  -- The parent first, always: the order in which everybody else locks. Readers and writers are not blocked.
  EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', v_parent);
  IF to_regclass(p_partition) IS NOT NULL THEN
    -- Another run has made it since this one was planned. Numbers are printed with quotes or without.
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
      RAISE EXCEPTION 'retention is about to take another %', p_partition USING ERRCODE = 'lock_not_available';
    END IF;
    RAISE EXCEPTION '% exists and is not the partition of % %', p_partition, v_parent, p_bound
      USING ERRCODE = 'duplicate_table', HINT = 'Rename or drop it, or attach it with these bounds.';
  END IF;
  SELECT * INTO v_key FROM pgwright.partition_key(v_parent);
  IF v_key.default_partition <> 0 AND p_rows > 0 AND p_set.overflow = 'guard' THEN
    RAISE EXCEPTION '% has % rows that belong into a partition % of their own', v_key.default_partition::regclass, p_rows, p_bound
      USING ERRCODE = 'check_violation', HINT = 'Move or delete them, or write overflow: drain.';
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
  v_home := v_child::text;

  IF v_key.default_partition <> 0 THEN
    v_moves := format('SELECT EXISTS (SELECT FROM %s WHERE %s)', v_key.default_partition::regclass,
      pgwright.partition_condition(v_key.key_column, p_bound));
    IF p_set.overflow = 'drain' THEN
      EXECUTE v_moves INTO v_move;
    END IF;
    -- A query that knows the partitions of before and then waits for DEFAULT would find these rows in neither: where rows
    -- move, it has to wait before it looks which partitions there are.
    IF v_move THEN
      EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', v_parent);
    END IF;
    -- ATTACH takes this lock anyway; taken now, no row can arrive between the move and the ATTACH.
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', v_key.default_partition::regclass);
    IF p_set.overflow = 'drain' AND NOT v_move THEN
      EXECUTE v_moves INTO v_move;
      IF v_move THEN
        RAISE EXCEPTION 'rows of % arrived just now', p_partition USING ERRCODE = 'lock_not_available';
      END IF;
    END IF;
  END IF;
  IF v_move THEN
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO STRICT v_columns
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = v_parent AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
    IF p_set.sub IS NOT NULL THEN
      v_home := 'pg_temp.pgwright_moved';
      EXECUTE format('CREATE TEMP TABLE pgwright_moved (LIKE %s) ON COMMIT DROP', v_parent);
    END IF;
    EXECUTE format(
      'WITH moved AS (DELETE FROM %1$s WHERE %4$s RETURNING %3$s) INSERT INTO %2$s (%3$s) SELECT %3$s FROM moved',
      v_key.default_partition::regclass, v_home, v_columns, pgwright.partition_condition(v_key.key_column, p_bound)
    );
  END IF;

  FOR v_index IN SELECT jsonb_array_elements_text(p_set.template -> 'indexes') LOOP
    EXECUTE format('CREATE INDEX ON %s %s', v_child, v_index);
  END LOOP;
  EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s %s', v_parent, v_child, p_bound);
  -- Not before: ATTACH gives identity columns to the table alone that is attached, and DETACH looks for them below it too.
  IF p_set.sub IS NOT NULL THEN
    PERFORM pgwright.partition_subdivide(p_set, v_child);
    IF v_move THEN
      EXECUTE format('INSERT INTO %1$s (%2$s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM %3$s', v_child, v_columns, v_home);
    END IF;
  END IF;
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
    RETURN format('%1$I >= %2$s AND %1$I < %3$s', p_column, v_ends[1], v_ends[2]);
  END IF;
  RETURN format('%I IN (%s)', p_column, (regexp_match(p_bound, '^FOR VALUES IN \((.+)\)$'))[1]);
END
$$;

-- The partitions of a partition, which no other transaction knows yet: nobody waits.
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
    SELECT d.suffix, d.bound
    FROM pgwright.partition_declared(p_set.sub ->> 'by', p_set.sub -> 'partitions', p_set.sub ->> 'modulus') AS d
    UNION ALL
    SELECT '_default', 'DEFAULT' WHERE p_set.sub ->> 'by' = 'list' AND (p_set.sub ->> 'default')::boolean
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
  v_left boolean;
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
  IF v_pending THEN
    -- Not by the second connection: it would wait for all older snapshots, and so for the caller, who waits for it. Only who
    -- names the partition itself waits behind us: queries of the parent leave it out already.
    PERFORM pg_catalog.set_config('lock_timeout', '5s', true);
    EXECUTE format('ALTER TABLE %s DETACH PARTITION %s FINALIZE', to_regclass(p_parent), to_regclass(p_partition));
    RETURN;
  END IF;
  SELECT quote_ident(n.nspname) INTO STRICT v_dblink
  FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'dblink';
  -- A run of this session that was cancelled has left its connection.
  EXECUTE format('SELECT %L = ANY (%s.dblink_get_connections())', v_connection, v_dblink) INTO v_left;
  IF v_left THEN
    EXECUTE format('SELECT %s.dblink_disconnect(%L)', v_dblink, v_connection);
  END IF;
  EXECUTE format('SELECT %s.dblink_connect(%L, %L)', v_dblink, v_connection, format(
    'dbname=''%s'' host=''%s'' port=%s user=''%s'' application_name=pgwright',
    replace(replace(current_database(), '\', '\\'), '''', '\'''),
    split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_user
  ));
  BEGIN
    EXECUTE format('SELECT %s.dblink_exec(%L, %L)', v_dblink, v_connection, 'SET lock_timeout = ''30s''');
    EXECUTE format('SELECT %s.dblink_exec(%L, %L)', v_dblink, v_connection,
      format('ALTER TABLE %s DETACH PARTITION %s CONCURRENTLY', to_regclass(p_parent), to_regclass(p_partition)));
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
  v_taken record;
BEGIN
  IF v_table IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = v_table) THEN
    RETURN;
  END IF;
  -- Of a detach that retention had begun: its own step comes after this one.
  IF p_action = 'finalize' AND coalesce(p_set.retention ->> 'then', 'keep') <> 'keep' AND EXISTS (
    SELECT FROM pgwright.partitions_known AS k WHERE k.parent = p_set.parent AND k.partition = v_table AND k.state = 'retiring'
  ) THEN
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
    -- Rows that came late have had a partition of the same period archived before: its name is taken, and its indexes' names.
    FOR v_taken IN
      SELECT c.oid::regclass AS relation, c.relname
      FROM pg_catalog.pg_class AS c
      WHERE (c.oid = v_table OR c.oid IN (SELECT i.indexrelid FROM pg_catalog.pg_index AS i WHERE i.indrelid = v_table))
        AND to_regclass(format('%I.%I', v_schema, c.relname)) IS NOT NULL
    LOOP
      EXECUTE format('ALTER TABLE %s RENAME TO %I', v_taken.relation, left(v_taken.relname, 52) || '_' || v_table::oid);
    END LOOP;
    SELECT c.relname INTO v_name FROM pg_catalog.pg_class AS c WHERE c.oid = v_table;
    EXECUTE format('ALTER TABLE %s SET SCHEMA %I', v_table, v_schema);
    p_partition := format('%I.%I', v_schema, v_name);
  END IF;
  PERFORM pgwright.partition_note(p_set.parent, v_table, p_partition, p_bound,
    CASE p_action WHEN 'archive' THEN 'archived' ELSE 'detached' END);
END
$$;
