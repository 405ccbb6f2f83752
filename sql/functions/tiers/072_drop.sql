-- Drops emptied tables and expired partitions. A drop waits at most 200 ms for its lock; then the next run tries again.

-- Drops a table that no transaction needs any more. A table of _wa is truncated and reused instead: a drop would lock the parent against
-- all writers. One step, a transaction: 'wait' means that another step has to follow.
CREATE OR REPLACE FUNCTION pgwright.tiers_drop_step(p_schema name, p_name name, p_relation regclass)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET lock_timeout = '200ms'
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_enter(p_schema, p_name, 'move');
  v_tables text;
  v_tier text;
  v_state text;
BEGIN
  IF v_set IS NULL THEN
    RETURN 'wait';
  END IF;
  v_tables := pgwright.tiers_object(v_set, '_tables');
  EXECUTE format('SELECT tier, state FROM %s WHERE relation = $1', v_tables) INTO v_tier, v_state USING p_relation;
  IF v_tier IS NULL THEN
    RETURN 'done';
  END IF;

  IF v_state = 'closed' THEN
    -- Transactions from before the roll may still write into it. Not during a roll: other sessions do not see its commit at once, and the
    -- roll records the writers too.
    IF pgwright.tiers_enter(p_schema, p_name, 'roll') IS NULL
      OR NOT pgwright.tiers_waited(v_set, p_relation, pgwright.tiers_write_relations(v_set))
    THEN
      RETURN 'wait';
    END IF;
    PERFORM pgwright.tiers_set_state(v_set, p_relation, 'sealed');
    RETURN 'wait'; -- commits, so that the next roll does not wait
  END IF;
  IF v_tier = 'wa' AND v_state = 'ready' THEN
    -- Not during a roll, which may use it; the next run tries again.
    IF pgwright.tiers_enter(p_schema, p_name, 'roll') IS NULL THEN
      RETURN 'wait';
    END IF;
    -- All at once, so that the parent is locked only once.
    PERFORM pgwright.tiers_drop_table(v_set, v_tier, s.relation) FROM unnest(pgwright.tiers_surplus(v_set)) AS s (relation);
    RETURN 'done';
  END IF;
  IF v_state IN ('sealed', 'attached', 'announced', 'ready') THEN
    IF NOT pgwright.tiers_is_empty(p_relation) THEN
      RETURN 'done';
    END IF;
    -- Only moves write here, so it stays empty. Older snapshots still have to end.
    PERFORM pgwright.tiers_set_state(v_set, p_relation, 'emptied');
    RETURN 'wait';
  END IF;
  IF v_state <> 'emptied' OR v_tier = 'partition' THEN
    RETURN 'done';
  END IF;
  IF NOT pgwright.tiers_waited(v_set, p_relation) THEN
    RETURN 'wait';
  END IF;

  IF v_tier = 'wa' THEN
    PERFORM pgwright.tiers_reuse(v_set, p_relation);
  ELSE
    PERFORM pgwright.tiers_drop_table(v_set, v_tier, p_relation);
  END IF;
  RETURN 'done';
END
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_drop_table(p_set pgwright.tiers_sets, p_tier text, p_relation regclass)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  -- The parent first, in the order of all other sessions.
  EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', pgwright.tiers_relation(p_set, '_' || p_tier));
  EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', p_relation);
  -- Checked again with a snapshot taken after the lock, so that no row is dropped.
  IF NOT pgwright.tiers_is_empty(p_relation) THEN
    PERFORM pgwright.tiers_set_state(p_set, p_relation, CASE p_tier WHEN 'wa' THEN 'sealed' ELSE 'attached' END);
    RETURN;
  END IF;
  EXECUTE format('DROP TABLE %s', p_relation);
  PERFORM pgwright.tiers_forget(p_set, p_relation);
END
$$;

-- Truncates an emptied table of _wa, so that it can be used like a new one.
CREATE OR REPLACE FUNCTION pgwright.tiers_reuse(p_set pgwright.tiers_sets, p_relation regclass)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', p_relation);
  IF NOT pgwright.tiers_is_empty(p_relation) THEN
    PERFORM pgwright.tiers_set_state(p_set, p_relation, 'sealed');
    RETURN;
  END IF;
  EXECUTE format('TRUNCATE ONLY %s', p_relation);
  PERFORM pgwright.tiers_pass_on(pgwright.tiers_relation(p_set, '_wa'), p_relation);
  PERFORM pgwright.tiers_set_state(p_set, p_relation, 'ready');
  EXECUTE format(
    'UPDATE %s SET lower_bound = NULL, upper_bound = NULL WHERE relation = $1', pgwright.tiers_object(p_set, '_tables')
  ) USING p_relation;
END
$$;

-- Ready tables of _wa beyond the three that are needed: for the next roll, for a sort, and while another one is being emptied. After a
-- change of the tablespace, also all that are in the former one.
CREATE OR REPLACE FUNCTION pgwright.tiers_surplus(p_set pgwright.tiers_sets)
RETURNS regclass[]
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT coalesce(array_agg(r.relation), '{}')
  FROM (
    SELECT
      t.relation,
      c.reltablespace = coalesce(
        (SELECT s.oid FROM pg_catalog.pg_tablespace AS s WHERE s.spcname = p_set.config -> 'tablespaces' ->> 'wa' AND s.oid <> d.dattablespace), 0
      ) AS in_place,
      t.n
    FROM unnest(pgwright.tiers_tables(p_set, 'wa', 'ready')) WITH ORDINALITY AS t (relation, n)
    JOIN pg_catalog.pg_class AS c ON c.oid = t.relation
    JOIN pg_catalog.pg_database AS d ON d.datname = current_database()
  ) AS r
  WHERE r.n > 3 OR NOT r.in_place
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_forget(p_set pgwright.tiers_sets, p_relation oid)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  EXECUTE format('DELETE FROM %s WHERE relation = $1', pgwright.tiers_object(p_set, '_tables')) USING p_relation;
  EXECUTE format('DELETE FROM %s WHERE relation = $1', pgwright.tiers_object(p_set, '_analyze_queue')) USING p_relation;
  EXECUTE format('DELETE FROM %s WHERE relation = $1', pgwright.tiers_object(p_set, '_sort_queue')) USING p_relation;
END
$$;

-- Tables to drop once they are empty: rolled ones, surplus ready ones, ten-minute ranges below the cutoff, emptied spill.
CREATE OR REPLACE FUNCTION pgwright.tiers_drops(p_schema name, p_name name, p_now timestamptz)
RETURNS regclass[]
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_load(p_schema, p_name);
  v_relations regclass[];
BEGIN
  PERFORM pgwright.tiers_sync(v_set);
  EXECUTE format(
    'SELECT coalesce(array_agg(t.relation ORDER BY t.changed_in, t.relation), ''{}'') FROM %s AS t'
    ' JOIN pg_catalog.pg_class AS c ON c.oid = t.relation'
    ' LEFT JOIN pgwright.tiers_ranges($1, ''wa_partition'') AS p ON p.relation = t.relation'
    ' WHERE CASE WHEN CASE t.tier'
    '   WHEN ''wa'' THEN t.state IN (''closed'', ''sealed'', ''emptied'')'
    '   WHEN ''wa_partition'' THEN p.upper_bound <= $2'
    '   WHEN ''spill'' THEN t.state = ''emptied'''
    ' END THEN t.state = ''emptied'' OR pgwright.tiers_is_empty(t.relation) END',
    pgwright.tiers_object(v_set, '_tables')
  ) INTO v_relations USING v_set, pgwright.tiers_cutoff(v_set, p_now);
  -- One of them, as the step drops all.
  RETURN v_relations || (pgwright.tiers_surplus(v_set))[1:1];
END
$$;

-- Drops a partition all of whose rows are older than maxAge.
CREATE OR REPLACE FUNCTION pgwright.tiers_age_off_step(p_schema name, p_name name, p_now timestamptz, p_relation regclass)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET lock_timeout = '200ms'
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_enter(p_schema, p_name, 'move');
  v_parent regclass;
BEGIN
  IF v_set IS NULL THEN
    RETURN 'wait';
  END IF;
  -- Checked again: another run may have dropped it.
  IF NOT p_relation = ANY (pgwright.tiers_aged(p_schema, p_name, p_now)) THEN
    RETURN 'done';
  END IF;
  SELECT i.inhparent INTO v_parent FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = p_relation;
  EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', v_parent);
  PERFORM pgwright.tiers_restore_point(p_relation);
  EXECUTE format('DROP TABLE %s', p_relation);
  PERFORM pgwright.tiers_forget(v_set, p_relation);
  RETURN 'done';
END
$$;

-- Creates a restore point before a table with rows is dropped, if WAL is archived. The server logs its name.
-- SECURITY DEFINER, as owners of sets may not create restore points, with a check of the caller.
CREATE OR REPLACE FUNCTION pgwright.tiers_restore_point(p_relation regclass)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
  IF current_setting('archive_mode') <> 'off'
    AND pg_has_role(session_user, (SELECT c.relowner FROM pg_catalog.pg_class AS c WHERE c.oid = p_relation), 'SET')
  THEN
    PERFORM pg_create_restore_point(
      left(regexp_replace('before drop of ' || p_relation, '[^ -~]', '?', 'g'), 43) -- of 63 bytes at most
        || to_char(clock_timestamp() AT TIME ZONE 'UTC', ' YYYY-MM-DD HH24:MI:SS')
    );
  END IF;
END
$$;

-- Partitions that end at p_now - maxAge or before. By the catalog itself, as their rows go with them.
CREATE OR REPLACE FUNCTION pgwright.tiers_aged(p_schema name, p_name name, p_now timestamptz)
RETURNS regclass[]
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_load(p_schema, p_name);
  v_limit timestamptz := pgwright.tiers_before(pgwright.tiers_finite(p_now), (v_set.config ->> 'maxAge')::interval);
  v_relations regclass[];
BEGIN
  SELECT coalesce(array_agg(p.relation ORDER BY p.upper_bound), '{}') INTO v_relations
  FROM unnest(ARRAY['_wa_partition', '_partition', '_spill']) AS x (suffix)
  CROSS JOIN LATERAL pgwright.tiers_partitions(pgwright.tiers_relation(v_set, x.suffix)) AS p
  WHERE p.upper_bound <= v_limit;
  RETURN v_relations;
END
$$;
