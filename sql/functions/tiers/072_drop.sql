-- Tables that rows have left, and those that are too old. A drop waits 200 ms for its lock at most; then the next run tries.

-- Drops a table if nobody needs it any more; one of _wa is truncated instead, and lies ready to be written to again: a drop would lock
-- the parent, against all who write. One step, a transaction: 'wait' means that another has to follow.
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
    -- Whoever began before the roll may still write into it. Not while one rolls: after its commit there is a moment before others
    -- hear of it, and it notes too who may write.
    IF pgwright.tiers_enter(p_schema, p_name, 'roll') IS NULL
      OR NOT pgwright.tiers_waited(v_set, p_relation, pgwright.tiers_write_relations(v_set))
    THEN
      RETURN 'wait';
    END IF;
    PERFORM pgwright.tiers_set_state(v_set, p_relation, 'sealed');
    RETURN 'wait'; -- commits, so that the next roll need not wait
  END IF;
  IF v_tier = 'wa' AND v_state = 'ready' THEN
    -- Not while one rolls, who may take it; then it is looked for again.
    IF pgwright.tiers_enter(p_schema, p_name, 'roll') IS NULL THEN
      RETURN 'wait';
    END IF;
    -- All at once: the parent is locked for one moment only.
    PERFORM pgwright.tiers_drop_table(v_set, v_tier, s.relation) FROM unnest(pgwright.tiers_surplus(v_set)) AS s (relation);
    RETURN 'done';
  END IF;
  IF v_state IN ('sealed', 'attached', 'announced', 'ready') THEN
    IF NOT pgwright.tiers_is_empty(p_relation) THEN
      RETURN 'done';
    END IF;
    -- Nobody but a move writes here: it stays empty. Snapshots from before still have to end.
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
  -- The parent first, as everybody else.
  EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', pgwright.tiers_relation(p_set, '_' || p_tier));
  EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', p_relation);
  -- Looked at again, with a snapshot from after the lock: whatever has happened, a row is not dropped.
  IF NOT pgwright.tiers_is_empty(p_relation) THEN
    PERFORM pgwright.tiers_set_state(p_set, p_relation, CASE p_tier WHEN 'wa' THEN 'sealed' ELSE 'attached' END);
    RETURN;
  END IF;
  EXECUTE format('DROP TABLE %s', p_relation);
  PERFORM pgwright.tiers_forget(p_set, p_relation);
END
$$;

-- An emptied table of _wa, as a new one would be.
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

-- Tables of _wa that lie ready beyond those that are needed: one for the next roll, one to sort rows anew, one while another is still
-- emptied. Where tables were moved to another tablespace, all that lie in the former one.
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
      t.place
    FROM unnest(pgwright.tiers_tables(p_set, 'wa', 'ready')) WITH ORDINALITY AS t (relation, place)
    JOIN pg_catalog.pg_class AS c ON c.oid = t.relation
    JOIN pg_catalog.pg_database AS d ON d.datname = current_database()
  ) AS r
  WHERE r.place > 3 OR NOT r.in_place
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

-- Tables that are to go once they are empty: rolled ones, those that lie ready in vain, ten-minute ranges below the cutoff, emptied spill.
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
  -- One stands for all of them.
  RETURN v_relations || (pgwright.tiers_surplus(v_set))[1:1];
END
$$;

-- Drops a partition of which all rows are older than the set keeps them.
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
  -- Looked at again: another run may have done it.
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

-- Names the moment before a table with rows is dropped, where there is an archive to go back to it. Its name is in the server's log.
-- The owners of sets may not do that themselves, so this runs as its own owner and looks at who asks.
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
