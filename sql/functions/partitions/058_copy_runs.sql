-- The steps of a copy. Each one is a transaction that also records its progress: after a crash, the next run continues with the next step.

-- One step. again: another step follows; wait: other sessions have to end first; done.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_step(p_set pgwright.partition_sets, p_now timestamptz)
RETURNS text
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_copy pgwright.partition_copies := pgwright.partition_copy(p_set.parent);
BEGIN
  v_copy.waits := NULL;
  CASE v_copy.phase
    WHEN 'partitions' THEN
      PERFORM pgwright.partition_copy_create(pgwright.partition_copy_set(p_set, v_copy), v_copy,
        jsonb_path_query_array(v_copy.todo, '$[0 to 9]'));
      v_copy.todo := jsonb_path_query_array(v_copy.todo, '$[10 to last]');
      IF v_copy.todo = '[]' THEN
        v_copy.phase := 'mirror';
      END IF;
    WHEN 'mirror' THEN
      PERFORM pgwright.partition_copy_mirror(v_copy);
      v_copy.phase := 'copy';
    WHEN 'copy' THEN
      v_copy := pgwright.partition_copy_batch(v_copy);
      IF v_copy.position IS NULL THEN
        v_copy.phase := 'analyze';
        SELECT coalesce(jsonb_agg(t.relid::text), '[]') INTO v_copy.todo
        FROM pg_catalog.pg_partition_tree(v_copy.target) AS t WHERE t.isleaf;
      END IF;
    WHEN 'analyze' THEN
      IF v_copy.todo = '[]' THEN
        v_copy.phase := 'compare';
        v_copy.batch := 5000;
      ELSE
        EXECUTE format('ANALYZE %s', v_copy.todo ->> 0);
        v_copy.todo := v_copy.todo - 0;
      END IF;
    WHEN 'compare' THEN
      v_copy := pgwright.partition_copy_compare(v_copy);
      IF v_copy.position IS NULL THEN
        v_copy.phase := CASE v_copy.action WHEN 'convert' THEN 'settle' ELSE 'switch' END;
      END IF;
    WHEN 'settle' THEN
      v_copy := pgwright.partition_convert_settle(p_set, v_copy, p_now);
    WHEN 'switch' THEN
      v_copy.waits := pgwright.partition_copy_waits(v_copy);
      IF v_copy.waits IS NULL AND v_copy.action = 'convert' THEN
        v_copy := pgwright.partition_convert_switch(p_set, v_copy);
      ELSIF v_copy.waits IS NULL THEN
        v_copy := pgwright.partition_drain_switch(p_set, v_copy);
      END IF;
    WHEN 'finish' THEN
      v_copy := pgwright.partition_copy_finish(p_set, v_copy);
  END CASE;
  PERFORM pgwright.partition_copy_put(v_copy);
  RETURN CASE WHEN v_copy.waits IS NOT NULL THEN 'wait' WHEN v_copy.phase = 'done' THEN 'done' ELSE 'again' END;
END
$$;

-- After the switch: validates foreign keys, enables autovacuum, drops the remains of a drain. One action per step.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_finish(p_set pgwright.partition_sets, INOUT p_copy pgwright.partition_copies)
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_vacuum text := p_set.template -> 'storage' ->> 'autovacuum_enabled';
  v_leaf regclass;
BEGIN
  IF p_copy.todo <> '[]' THEN
    EXECUTE p_copy.todo ->> 0;
    p_copy.todo := p_copy.todo - 0;
    RETURN;
  END IF;
  FOR v_leaf IN
    SELECT c.oid FROM pg_catalog.pg_partition_tree(to_regclass(p_set.parent)) AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.relid
    WHERE t.isleaf AND c.reloptions @> '{autovacuum_enabled=false}' AND v_vacuum IS NULL
  LOOP
    EXECUTE format('ALTER TABLE %s RESET (autovacuum_enabled)', v_leaf);
  END LOOP;
  IF p_copy.action = 'drain' THEN
    -- Every row was compared with its copy, and changes were mirrored up to the switch.
    EXECUTE format('DROP TABLE %s, %s', p_copy.target::regclass, p_copy.source::regclass);
    p_copy.kept := NULL;
  END IF;
  PERFORM pgwright.partition_adopt(p_set.parent);
  p_copy.phase := 'done';
END
$$;

-- Continues or begins the copy of a set, until it is done or p_until has passed.
CREATE OR REPLACE PROCEDURE pgwright.partition_copy_run(
  p_parent text,
  p_action text,
  p_now timestamptz,
  p_until timestamptz,
  INOUT p_errors text[]
)
LANGUAGE plpgsql
AS $$
DECLARE
  v_set pgwright.partition_sets;
  v_next pg_catalog.text := 'again';
  v_error pg_catalog.text;
  v_hint pg_catalog.text;
  v_try int := 0;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  WHILE v_next <> 'done' AND clock_timestamp() < p_until LOOP
    v_error := NULL;
    BEGIN
      PERFORM pg_catalog.set_config('search_path', '', true);
      PERFORM pg_catalog.set_config('lock_timeout', '100ms', true);
      PERFORM pg_catalog.set_config('role', pgwright.partition_may(p_parent), true);
      IF NOT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('pgwright.partitions ' || p_parent, 0)) THEN
        v_next := 'done'; -- finished by another session
      ELSE
        v_set := pgwright.partition_set(p_parent);
        IF pgwright.partition_copying(p_parent) IS NULL THEN
          IF p_action = 'convert' THEN
            PERFORM pgwright.partition_convert_begin(v_set, p_now);
          ELSE
            PERFORM pgwright.partition_drain_begin(v_set, p_now);
          END IF;
          v_next := CASE WHEN pgwright.partition_copying(p_parent) IS NULL THEN 'done' ELSE 'again' END;
        ELSE
          v_next := pgwright.partition_copy_step(v_set, p_now);
        END IF;
      END IF;
      v_try := CASE v_next WHEN 'wait' THEN v_try + 1 ELSE 0 END;
    EXCEPTION
      WHEN lock_not_available OR deadlock_detected THEN
        v_try := v_try + 1;
        v_next := 'wait';
      WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS v_hint = PG_EXCEPTION_HINT;
        v_error := pg_catalog.concat_ws(' ', SQLERRM, nullif(v_hint, ''));
    END;
    COMMIT;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    IF v_error IS NOT NULL THEN
      p_errors := p_errors || pg_catalog.format('%s: %s', p_action, v_error);
      RETURN;
    END IF;
    IF v_next = 'wait' THEN
      PERFORM pg_catalog.pg_sleep(least(2.0, 0.05 * 1.5 ^ least(v_try, 20)) * (0.5 + random()));
      COMMIT; -- release the snapshot during the wait
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    END IF;
  END LOOP;
END
$$;

-- Phase of an unfinished copy, or NULL.
CREATE OR REPLACE FUNCTION pgwright.partition_copying(p_parent text)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT c.phase FROM pgwright.partition_copies AS c WHERE c.parent = p_parent AND c.phase <> 'done'
$$;

-- Removes a copy before its switch: the table is unchanged. After the switch, the copy is finished instead.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_abandon(p_parent text)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
SET lock_timeout = '5s'
AS $$
DECLARE
  v_copy pgwright.partition_copies;
BEGIN
  IF pgwright.partition_copying(p_parent) IS NULL THEN
    RETURN;
  END IF;
  PERFORM set_config('role', pgwright.partition_may(p_parent), true);
  PERFORM pg_advisory_xact_lock(hashtextextended('pgwright.partitions ' || p_parent, 0));
  v_copy := pgwright.partition_copy(p_parent);
  IF v_copy.phase = 'finish' THEN
    WHILE v_copy.phase <> 'done' LOOP
      v_copy := pgwright.partition_copy_finish(pgwright.partition_set(p_parent), v_copy);
    END LOOP;
    PERFORM pgwright.partition_copy_put(v_copy);
    RETURN;
  END IF;
  PERFORM pgwright.partition_copy_unmirror(v_copy);
  EXECUTE format('DROP TABLE %s', v_copy.target::regclass);
  PERFORM pgwright.partition_copy_forget(p_parent);
END
$$;

-- Drops the former table of a conversion.
CREATE OR REPLACE FUNCTION pgwright.partition_forget_source(p_parent text)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
SET lock_timeout = '5s'
AS $$
DECLARE
  v_copy pgwright.partition_copies := pgwright.partition_copy(p_parent);
BEGIN
  IF v_copy.phase IS DISTINCT FROM 'done' OR v_copy.action <> 'convert' THEN
    RAISE EXCEPTION '% has no former table of a conversion', p_parent USING ERRCODE = 'undefined_object';
  END IF;
  PERFORM set_config('role', pgwright.partition_may(p_parent), true);
  IF EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = v_copy.source) THEN
    EXECUTE format('DROP TABLE %s', v_copy.source::regclass);
  END IF;
  PERFORM pgwright.partition_copy_forget(p_parent);
END
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_copy_forget(p_parent text)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
  PERFORM pgwright.partition_may(p_parent);
  DELETE FROM pgwright.partition_copies AS c WHERE c.parent = p_parent;
END
$$;
