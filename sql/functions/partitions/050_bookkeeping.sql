-- Writes the bookkeeping tables: partitions of a set, and results of its runs.

-- Records a partition. Roles of runs own the partitioned tables but not the bookkeeping tables: so SECURITY DEFINER, with a check of the
-- caller.
CREATE OR REPLACE FUNCTION pgwright.partition_note(p_parent text, p_partition oid, p_name text, p_bound text, p_state text, p_stray boolean DEFAULT false)
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
    -- During a conversion, the copy is not the table of the set yet.
    INSERT INTO pgwright.partitions_known AS k (parent, partition, name, bound, state, stray)
    SELECT s.parent, p_partition, p_name, p_bound, p_state, p_stray FROM pgwright.partition_sets AS s WHERE s.parent = p_parent
    ON CONFLICT (parent, partition) DO UPDATE
    SET name = excluded.name, bound = excluded.bound, state = excluded.state, since = now(), announced = false;
  END IF;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_note_announced(p_parent text, p_partitions oid[])
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
  PERFORM pgwright.partition_may(p_parent);
  UPDATE pgwright.partitions_known AS k SET announced = true WHERE k.parent = p_parent AND k.partition = ANY (p_partitions);
END
$$;

-- Records that a partition has the row security of its table.
CREATE OR REPLACE FUNCTION pgwright.partition_note_secured(p_parent text, p_partition oid)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
  PERFORM pgwright.partition_may(p_parent);
  UPDATE pgwright.partitions_known AS k
  SET secured = pgwright.partition_secured(pgwright.partition_row_security(to_regclass(p_parent)), p_partition)
  WHERE k.parent = p_parent AND k.partition = p_partition;
END
$$;

-- `p_flush`: a value of synchronous_commit.
CREATE OR REPLACE FUNCTION pgwright.partition_note_run(p_parent text, p_error text, p_flush text, p_attention text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
  PERFORM pgwright.partition_may(p_parent);
  PERFORM set_config('synchronous_commit', p_flush, true);
  UPDATE pgwright.partition_sets AS s
  SET last_run = clock_timestamp(),
    last_success = CASE WHEN p_error IS NULL THEN clock_timestamp() ELSE s.last_success END,
    last_error = p_error,
    attention = p_attention
  WHERE s.parent = p_parent;
END
$$;

-- Checks that the caller owns the table of a set or may become its owner. Returns the owner.
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
  IF v_owner IS NULL THEN
    RAISE EXCEPTION 'table % does not exist; create it by a migration, or remove its set from the stack file', coalesce(p_parent, 'NULL')
      USING ERRCODE = 'undefined_table';
  END IF;
  IF NOT pg_catalog.pg_has_role(session_user, v_owner, 'SET') THEN
    RAISE EXCEPTION 'role % may not maintain %', session_user, p_parent
      USING ERRCODE = 'insufficient_privilege', HINT = format('GRANT %I TO %I', v_owner, session_user);
  END IF;
  -- The caller runs code of the owner: triggers, defaults and expressions. So only the role that the stack file declares may call
  -- this, and the role of a run of pgwright, which has no other privilege than becoming the owner.
  IF session_user <> v_owner AND session_user !~ '^pgwright_run_[0-9a-f]{16}$'
    AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user)
    AND NOT EXISTS (
      SELECT FROM pgwright.partition_sets AS s JOIN pg_catalog.pg_class AS c ON c.oid = to_regclass(s.parent)
      WHERE s.maintainer = session_user AND pg_catalog.pg_get_userbyid(c.relowner) = v_owner
    )
  THEN
    RAISE EXCEPTION '% belongs to %, and role % would run code of this owner', p_parent, v_owner, session_user
      USING ERRCODE = 'insufficient_privilege',
        HINT = format('Declare partitions.role: %s in the stack file to allow it, with a role that has only the necessary privileges.', session_user);
  END IF;
  RETURN v_owner;
END
$$;

-- Creates a restore point before a partition is dropped, if WAL is archived. The server logs its name.
CREATE OR REPLACE FUNCTION pgwright.partition_restore_point(p_parent text, p_partition text)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
  PERFORM pgwright.partition_may(p_parent);
  IF pg_catalog.current_setting('archive_mode') <> 'off' THEN
    PERFORM pg_catalog.pg_create_restore_point(
      left(regexp_replace('before drop of ' || p_partition, '[^ -~]', '?', 'g'), 43) -- of 63 bytes at most
        || to_char(clock_timestamp() AT TIME ZONE 'UTC', ' YYYY-MM-DD HH24:MI:SS')
    );
  END IF;
END
$$;
