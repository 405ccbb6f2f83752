-- Removes a partition from its set: the detach first, then the action of retention, each in its own transaction.

-- Detaches without blocking. PostgreSQL can do so only without a DEFAULT partition and outside of a transaction, so a second connection
-- runs it. It waits for transactions that use the parent; the caller's transaction must not use it.
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
  -- Only expired partitions: the function must not detach any other.
  IF NOT v_pending AND NOT EXISTS (
    SELECT FROM pgwright.partitions_known AS k
    WHERE k.parent = p_parent AND k.partition = to_regclass(p_partition) AND k.state = 'retiring'
  ) THEN
    RAISE EXCEPTION 'retention of % has not expired %', p_parent, p_partition USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  IF v_pending THEN
    -- Not in the second connection: it would wait for all older snapshots, including the caller's, which waits for it. Only sessions
    -- that name the partition itself wait for this lock: queries of the parent ignore it already. The timeout is below deadlock_timeout,
    -- so that no session is cancelled for a deadlock with this one.
    PERFORM pg_catalog.set_config('lock_timeout', (s.setting::int * 0.8)::int::text, true)
    FROM pg_catalog.pg_settings AS s WHERE s.name = 'deadlock_timeout'; -- both in ms
    EXECUTE format('ALTER TABLE %s DETACH PARTITION %s FINALIZE', to_regclass(p_parent), to_regclass(p_partition));
    RETURN;
  END IF;
  SELECT quote_ident(n.nspname) INTO STRICT v_dblink
  FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'dblink';
  -- A cancelled run of this session leaves its connection open.
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

-- Moves a table with all below it, and their indexes, to a schema and a tablespace (NULL: stays). Returns its name.
CREATE OR REPLACE FUNCTION pgwright.partition_archive(p_table regclass, p_schema text, p_tablespace text)
RETURNS text
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_part record;
  v_name text;
BEGIN
  FOR v_part IN
    SELECT c.oid, c.relname, n.nspname, r.indexrelid IS NOT NULL AS is_index
    FROM (
      -- pg_partition_tree returns no row for a plain table. Indexes come before their table.
      SELECT t.relid, t.level FROM pg_catalog.pg_partition_tree(p_table) AS t
      UNION
      SELECT p_table, 0
    ) AS t
    CROSS JOIN LATERAL (
      SELECT i.indexrelid FROM pg_catalog.pg_index AS i WHERE i.indrelid = t.relid UNION ALL SELECT NULL
    ) AS r
    JOIN pg_catalog.pg_class AS c ON c.oid = coalesce(r.indexrelid, t.relid)
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    ORDER BY t.level, t.relid, r.indexrelid
  LOOP
    IF p_tablespace IS NOT NULL THEN
      EXECUTE format('ALTER %s %s SET TABLESPACE %I', CASE WHEN v_part.is_index THEN 'INDEX' ELSE 'TABLE' END, v_part.oid::regclass, p_tablespace);
    END IF;
    CONTINUE WHEN p_schema IS NULL OR v_part.nspname = p_schema;
    -- Late rows: an archived partition of the same period already uses this name and the names of its indexes. The name of its array type,
    -- an underscore with the cut name of the table, can be in use too: so one byte is kept free.
    IF to_regclass(format('%I.%I', p_schema, v_part.relname)) IS NOT NULL OR EXISTS (
      SELECT FROM pg_catalog.pg_type AS row_type
      JOIN pg_catalog.pg_type AS own ON own.oid IN (row_type.oid, row_type.typarray)
      JOIN pg_catalog.pg_type AS taken ON taken.typname = own.typname
      JOIN pg_catalog.pg_namespace AS n ON n.oid = taken.typnamespace AND n.nspname = p_schema
      WHERE row_type.typrelid = v_part.oid
    ) THEN
      EXECUTE format('ALTER TABLE %s RENAME TO %I', v_part.oid::regclass,
        pgwright.partition_beside(v_part.relname, '_' || v_part.oid, 62));
    END IF;
    IF NOT v_part.is_index THEN
      EXECUTE format('ALTER TABLE %s SET SCHEMA %I', v_part.oid::regclass, p_schema);
    END IF;
  END LOOP;
  SELECT format('%I.%I', n.nspname, c.relname) INTO v_name
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = p_table;
  RETURN v_name;
END
$$;

-- The action of retention after a detach. `p_action`: detach, archive or drop.
CREATE OR REPLACE FUNCTION pgwright.partition_dispose(p_set pgwright.partition_sets, p_action text, p_partition text, p_bound text)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_table regclass := to_regclass(p_partition);
BEGIN
  IF v_table IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = v_table) THEN
    RETURN;
  END IF;
  -- The detach belongs to retention: its own step follows.
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
  IF p_action = 'archive' THEN
    p_partition := pgwright.partition_archive(v_table, p_set.retention ->> 'schema', p_set.retention ->> 'tablespace');
  END IF;
  PERFORM pgwright.partition_note(p_set.parent, v_table, p_partition, p_bound,
    CASE p_action WHEN 'archive' THEN 'archived' ELSE 'detached' END);
END
$$;
