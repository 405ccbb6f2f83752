-- Runs. A procedure, because each step is its own transaction; pg_cron calls it as the only statement of a job. A procedure that commits
-- cannot have SET search_path: it sets it in each transaction, and code before that qualifies its types.

-- Begins each transaction of a run: becomes the owner of the table, and locks the set against other runs until the end of the
-- transaction. False: another run holds the lock. Commits are asynchronous: after a crash the next run repeats lost steps, and a
-- synchronous commit of another session flushes earlier ones.
CREATE OR REPLACE FUNCTION pgwright.partition_begin(p_parent text)
RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
  v_set pg_catalog.text;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  v_set := pg_catalog.set_config('synchronous_commit', 'off', true);
  v_set := pg_catalog.set_config('role', pgwright.partition_may(p_parent), true);
  RETURN pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('pgwright.partitions ' || p_parent, 0));
END
$$;

-- Maintains one set. Errors are collected: a failed step does not stop the others. `p_flush`: flush all WAL at the end.
CREATE OR REPLACE PROCEDURE pgwright.maintain_partition_set(
  p_parent text,
  p_now timestamptz DEFAULT now(),
  INOUT p_errors text[] DEFAULT '{}',
  p_until timestamptz DEFAULT clock_timestamp() + interval '5 minutes',
  p_flush boolean DEFAULT true
)
LANGUAGE plpgsql
AS $$
DECLARE
  -- Other sessions wait no longer than this behind a lock request of a run.
  c_lock_timeout CONSTANT pg_catalog.text := '100ms';
  c_patience CONSTANT interval := '1 minute';
  v_flush pg_catalog.text := CASE WHEN p_flush THEN pg_catalog.current_setting('synchronous_commit') ELSE 'off' END;
  v_set pgwright.partition_sets;
  v_plan pg_catalog.jsonb;
  v_copy pg_catalog.text;
  v_step pg_catalog.jsonb;
  v_phase pg_catalog.text;
  v_errors pg_catalog.text[] := '{}';
  v_error pg_catalog.text;
  v_again boolean;
  v_busy boolean := false;
  v_unannounced pg_catalog.oid[] := '{}';
  v_try int;
  v_until pg_catalog.timestamptz;
  v_users pg_catalog.text[];
  v_attention pg_catalog.text;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  BEGIN
    IF pgwright.partition_begin(p_parent) THEN
      v_set := pgwright.partition_set(p_parent);
      PERFORM pgwright.partition_adopt(p_parent);
      SELECT coalesce(jsonb_agg(to_jsonb(p)), '[]') INTO v_plan FROM pgwright.partition_plan(v_set, p_now) AS p;
      v_unannounced := pgwright.partition_unannounced(p_parent);
      IF v_plan = '[]' AND v_unannounced = '{}' THEN
        PERFORM pgwright.partition_note_run(p_parent, NULL, v_flush);
      END IF;
    ELSE
      v_plan := '[]';
    END IF;
  EXCEPTION WHEN OTHERS THEN
    v_plan := NULL;
    v_errors := v_errors || SQLERRM;
  END;
  COMMIT;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  IF v_plan = '[]' AND v_unannounced = '{}' THEN
    RETURN;
  END IF;

  v_copy := jsonb_path_query_first(v_plan, '$[*].action ? (@ == "convert" || @ == "drain")') #>> '{}';
  IF v_copy IS NOT NULL THEN
    CALL pgwright.partition_copy_run(p_parent, v_copy, p_now, p_until, v_errors);
    BEGIN
      v_plan := NULL;
      IF pgwright.partition_begin(p_parent) THEN
        SELECT jsonb_agg(to_jsonb(p)) INTO v_plan FROM pgwright.partition_plan(v_set, p_now) AS p
        WHERE p.action NOT IN ('convert', 'drain');
      END IF;
    EXCEPTION WHEN OTHERS THEN
      v_plan := NULL;
    END;
    COMMIT;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  END IF;

  SELECT string_agg(format('%s: %s', h ->> 'partition', h ->> 'bound'), E'\n') INTO v_attention
  FROM jsonb_array_elements(v_plan) AS h WHERE h ->> 'action' = 'hold';
  <<steps>>
  FOR v_step IN SELECT jsonb_array_elements(v_plan) LOOP
    FOREACH v_phase IN ARRAY CASE
      WHEN v_step ->> 'action' IN ('alter', 'create') THEN ARRAY[v_step ->> 'action']
      WHEN v_step ->> 'action' = 'hold' THEN ARRAY[]::text[]
      ELSE ARRAY['begin', 'detach', 'dispose'] END
    LOOP
      v_try := 0;
      v_until := clock_timestamp() + c_patience;
      LOOP
        v_try := v_try + 1;
        v_again := false;
        v_error := NULL;
        -- While long queries use the tables, no lock is requested, so no session waits behind it, and no snapshot is held.
        v_users := NULL;
        LOOP
          v_users := pgwright.partition_users(p_parent, v_phase, v_step ->> 'partition', v_users);
          EXIT WHEN v_users = '{}' OR clock_timestamp() > v_until;
          COMMIT;
          PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
          PERFORM pg_catalog.pg_sleep(0.02);
        END LOOP;
        IF v_users <> '{}' THEN
          v_error := 'transactions that use it do not end; SELECT * FROM pg_stat_activity ORDER BY xact_start shows the oldest ones';
          EXIT;
        END IF;
        BEGIN
          v_busy := NOT pgwright.partition_begin(p_parent);
          PERFORM pg_catalog.set_config('lock_timeout', c_lock_timeout, true);
          IF NOT v_busy THEN
            PERFORM pgwright.partition_step(v_set, v_phase, v_step ->> 'action', v_step ->> 'partition', v_step ->> 'bound',
              (v_step ->> 'row_count')::bigint, (v_step ->> 'stray')::boolean);
          END IF;
        EXCEPTION
          -- Also if the connection that detaches is lost: the next try finalizes the detach.
          WHEN lock_not_available OR deadlock_detected OR admin_shutdown OR crash_shutdown OR connection_exception THEN
            v_again := true;
            v_error := SQLERRM;
          WHEN OTHERS THEN
            v_error := SQLERRM;
        END;
        COMMIT;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        -- Another run maintains this set.
        EXIT steps WHEN v_busy;
        EXIT WHEN NOT v_again OR clock_timestamp() > v_until;
        PERFORM pg_catalog.pg_sleep(least(1.0, 0.02 * 1.5 ^ v_try) * (0.5 + random()));
      END LOOP;
      IF v_error IS NOT NULL THEN
        v_errors := v_errors || format('%s %s: %s', v_step ->> 'action', v_step ->> 'partition', v_error);
        EXIT;
      END IF;
    END LOOP;
  END LOOP;

  IF v_set.parent IS NOT NULL THEN
    CALL pgwright.partition_announce_run(p_parent, v_errors);
  END IF;
  IF NOT v_busy THEN
    BEGIN
      PERFORM pgwright.partition_note_run(p_parent, nullif(array_to_string(v_errors, E'\n'), ''), v_flush, v_attention);
    EXCEPTION WHEN insufficient_privilege OR undefined_table THEN
      NULL; -- already reported
    END;
    COMMIT;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  END IF;
  p_errors := p_errors || ARRAY(SELECT format('%s: %s', p_parent, e) FROM unnest(v_errors) AS e);
END
$$;

-- Transactions that use the tables which a phase locks; only those of p_users if it is not NULL, so that new transactions do not extend
-- the wait.
CREATE OR REPLACE FUNCTION pgwright.partition_users(
  p_parent text,
  p_phase text,
  p_partition text,
  p_users text[]
)
RETURNS text[]
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_parent oid := to_regclass(p_parent);
  v_partition oid := to_regclass(p_partition);
  v_default oid;
  v_tables oid[];
BEGIN
  IF p_phase IN ('alter', 'dispose') THEN
    v_tables := v_partition || ARRAY(SELECT t.relid FROM pg_catalog.pg_partition_tree(v_partition::regclass) AS t);
  ELSIF p_phase = 'announce' THEN
    v_tables := ARRAY[v_parent];
  ELSE
    SELECT t.partdefid INTO v_default FROM pg_catalog.pg_partitioned_table AS t WHERE t.partrelid = v_parent;
    IF v_default = 0 OR p_phase = 'begin' THEN
      RETURN '{}';
    END IF;
    v_tables := ARRAY[v_default, v_parent] || CASE WHEN p_phase = 'detach' THEN v_partition END;
  END IF;
  RETURN ARRAY(
    SELECT DISTINCT l.virtualtransaction
    FROM pg_catalog.pg_locks AS l
    WHERE l.locktype = 'relation' AND l.granted AND l.relation = ANY (v_tables)
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database())
      AND l.pid <> pg_catalog.pg_backend_pid() AND (p_users IS NULL OR l.virtualtransaction = ANY (p_users))
  );
END
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_step(
  p_set pgwright.partition_sets,
  p_phase text,
  p_action text,
  p_partition text,
  p_bound text,
  p_rows bigint,
  p_stray boolean
)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_parent regclass := to_regclass(p_set.parent);
  v_attached boolean;
  v_has_default boolean;
BEGIN
  IF p_phase = 'create' THEN
    PERFORM pgwright.partition_create(p_set, p_partition, p_bound, p_rows, p_stray);
    RETURN;
  ELSIF p_phase = 'alter' THEN
    PERFORM pgwright.partition_secure(v_parent, to_regclass(p_partition));
    PERFORM pgwright.partition_identify(v_parent, to_regclass(p_partition));
    PERFORM pgwright.partition_note_secured(p_set.parent, to_regclass(p_partition));
    RETURN;
  END IF;
  v_attached := EXISTS (
    SELECT FROM pg_catalog.pg_inherits AS i
    WHERE i.inhparent = to_regclass(p_set.parent) AND i.inhrelid = to_regclass(p_partition)
  );
  CASE p_phase
    WHEN 'begin' THEN
      IF v_attached AND p_action = 'drop' THEN
        PERFORM pgwright.partition_restore_point(p_set.parent, p_partition);
      END IF;
      IF v_attached AND p_action <> 'finalize' THEN
        PERFORM pgwright.partition_note(p_set.parent, to_regclass(p_partition), p_partition, p_bound, 'retiring');
      END IF;
    WHEN 'detach' THEN
      IF NOT v_attached THEN
        RETURN;
      END IF;
      v_has_default := EXISTS (
        SELECT FROM pg_catalog.pg_partitioned_table AS t WHERE t.partrelid = to_regclass(p_set.parent) AND t.partdefid <> 0
      );
      IF v_has_default THEN
        EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', to_regclass(p_set.parent), p_partition);
      ELSE
        PERFORM pgwright.partition_detach_concurrently(p_set.parent, p_partition);
      END IF;
    WHEN 'dispose' THEN
      PERFORM pgwright.partition_dispose(p_set, p_action, p_partition, p_bound);
  END CASE;
END
$$;

-- Adds attached partitions that no run created to the set. partition_drift reports them before.
CREATE OR REPLACE FUNCTION pgwright.partition_adopt(p_parent text)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_parent regclass := to_regclass(p_parent);
BEGIN
  IF EXISTS (
    SELECT FROM pg_catalog.pg_inherits AS i
    WHERE i.inhparent = v_parent
      AND NOT EXISTS (
        SELECT FROM pgwright.partitions_known AS k
        WHERE k.parent = p_parent AND k.partition = i.inhrelid AND k.state IN ('attached', 'retiring')
      )
  ) THEN
    PERFORM pgwright.partition_note(p_parent, b.partition, format('%I.%I', b.partition_schema, b.partition_name), b.bound, 'attached',
      EXISTS (SELECT FROM pgwright.partition_copies AS c WHERE c.parent = p_parent
        AND format('%I.%I', b.partition_schema, b.partition_name) = ANY (c.strays)))
    FROM pgwright.partition_sets AS s
    CROSS JOIN LATERAL pgwright.partition_bounds(v_parent, s.kind) AS b
    WHERE s.parent = p_parent
      AND NOT EXISTS (
        SELECT FROM pgwright.partitions_known AS k
        WHERE k.parent = p_parent AND k.partition = b.partition AND k.state IN ('attached', 'retiring')
      );
  END IF;
END
$$;

-- Maintains all sets that the caller may maintain, or one. Fails at its end if a step failed, so that the job shows the failure.
-- A run copies rows for at most `p_budget`; the next run continues.
CREATE OR REPLACE PROCEDURE pgwright.maintain_partitions(
  p_now timestamptz DEFAULT now(),
  p_parent text DEFAULT NULL,
  p_budget interval DEFAULT '5 minutes'
)
LANGUAGE plpgsql
AS $$
DECLARE
  v_parents pg_catalog.text[];
  v_errors pg_catalog.text[] := '{}';
  v_until pg_catalog.timestamptz;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  v_until := clock_timestamp() + p_budget;
  IF p_now IS NULL OR NOT isfinite(p_now) THEN
    RAISE EXCEPTION 'p_now must be a finite time, not %', coalesce(p_now::text, 'NULL') USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT coalesce(pg_catalog.array_agg(s.parent ORDER BY s.last_run NULLS FIRST, s.parent), '{}') INTO v_parents
  FROM pgwright.partition_sets AS s
  WHERE p_parent IS NULL OR s.parent = p_parent;
  IF p_parent IS NOT NULL AND v_parents = '{}' THEN
    RAISE EXCEPTION 'set of partitions % does not exist', p_parent USING ERRCODE = 'undefined_object';
  END IF;
  FOR v_n IN 1..pg_catalog.cardinality(v_parents) LOOP
    CALL pgwright.maintain_partition_set(v_parents[v_n], p_now, v_errors, v_until, v_n = pg_catalog.cardinality(v_parents));
  END LOOP;
  IF v_errors <> '{}' THEN
    RAISE EXCEPTION '% steps of the maintenance failed', pg_catalog.cardinality(v_errors)
      USING ERRCODE = 'raise_exception', DETAIL = pg_catalog.array_to_string(v_errors, E'\n');
  END IF;
END
$$;
