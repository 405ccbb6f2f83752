-- The procedures that the procedures of the sets call. Each step is its own transaction. A failed step does not stop the others, and the
-- procedure fails at its end, so that cron shows the failure. Procedures have no SET: with SET they could not commit.

-- Records the result of a run; raises its errors.
CREATE OR REPLACE FUNCTION pgwright.tiers_note(p_schema name, p_name name, p_step text, p_at timestamptz, p_errors text[])
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_load(p_schema, p_name);
BEGIN
  EXECUTE format(
    'INSERT INTO %s AS r (step, last_success, last_failure, last_error) VALUES ($1, $2, $3, $4)'
    ' ON CONFLICT (step) DO UPDATE SET last_success = coalesce(excluded.last_success, r.last_success),'
    ' last_failure = coalesce(excluded.last_failure, r.last_failure), last_error = excluded.last_error',
    pgwright.tiers_object(v_set, '_runs')
  ) USING
    p_step,
    CASE WHEN cardinality(p_errors) = 0 THEN p_at END,
    CASE WHEN cardinality(p_errors) > 0 THEN p_at END,
    CASE WHEN cardinality(p_errors) > 0 THEN array_to_string(p_errors, '; ') END;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_succeeded(p_schema name, p_name name, p_step text, p_at timestamptz)
RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT pgwright.tiers_note(p_schema, p_name, p_step, p_at, '{}')
$$;

CREATE OR REPLACE PROCEDURE pgwright.tiers_report(p_schema name, p_name name, p_step text, p_errors text[])
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  PERFORM pgwright.tiers_note(p_schema, p_name, p_step, pg_catalog.clock_timestamp(), p_errors);
  COMMIT;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  IF pg_catalog.cardinality(p_errors) > 0 THEN
    RAISE EXCEPTION '% of %.%: % steps failed, the others are done: %',
      p_step, p_schema, p_name, pg_catalog.cardinality(p_errors), pg_catalog.array_to_string(p_errors, '; ')
      USING HINT = 'The next run tries again.';
  END IF;
END
$$;

-- One step.
CREATE OR REPLACE FUNCTION pgwright.tiers_step(
  p_schema name, p_name name, p_kind text, p_now timestamptz, p_time timestamptz, p_relation regclass
)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  RETURN CASE p_kind
    WHEN 'move' THEN pgwright.tiers_move_step(p_schema, p_name, p_now, p_time)
    WHEN 'sort' THEN pgwright.tiers_sort_step(p_schema, p_name, p_time)
    WHEN 'drop' THEN pgwright.tiers_drop_step(p_schema, p_name, p_relation)
    WHEN 'age off' THEN pgwright.tiers_age_off_step(p_schema, p_name, p_now, p_relation)
    WHEN 'index' THEN pgwright.tiers_index_step(p_schema, p_name, p_relation)
  END;
END
$$;

-- Steps of one kind, for times or for relations. Steps that have to wait are repeated together, for some rounds of 50 ms; then the next
-- run does them. Errors are added to p_errors; p_results counts the results of the steps.
CREATE OR REPLACE PROCEDURE pgwright.tiers_rounds(
  p_schema name, p_name name, p_kind text, p_now timestamptz, p_times timestamptz[], p_relations regclass[], p_rounds int,
  INOUT p_errors text[], INOUT p_results jsonb
)
LANGUAGE plpgsql
AS $$
DECLARE
  v_count int := greatest(pg_catalog.cardinality(p_times), pg_catalog.cardinality(p_relations));
  v_open boolean[] := pg_catalog.array_fill(true, ARRAY[v_count]);
  v_result pg_catalog.text;
  v_error pg_catalog.text;
  v_locked boolean;
  v_waiting int;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  p_results := '{}';
  FOR v_round IN 1..p_rounds LOOP
    v_waiting := 0;
    FOR v_n IN 1..v_count LOOP
      CONTINUE WHEN NOT v_open[v_n];
      -- Repeated at once: most new or emptied tables have no transaction to wait for.
      FOR v_turn IN 1..3 LOOP
        v_error := NULL;
        v_locked := false;
        BEGIN
          v_result := pgwright.tiers_step(p_schema, p_name, p_kind, p_now, p_times[v_n], p_relations[v_n]);
        EXCEPTION
          -- Another session holds a lock, which is no error. Not retried too often, as other sessions queue behind a waiting request.
          WHEN lock_not_available THEN
            v_result := CASE WHEN v_round < 3 THEN 'wait' ELSE 'locked' END;
            v_locked := true;
          WHEN OTHERS THEN
            v_result := 'failed';
            v_error := pg_catalog.format('%s %s: %s', p_kind, coalesce(p_relations[v_n]::text, pgwright.tiers_utc(p_times[v_n])), SQLERRM);
        END;
        COMMIT;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        EXIT WHEN v_result <> 'wait' OR v_locked;
      END LOOP;
      IF v_result = 'wait' THEN
        v_waiting := v_waiting + 1;
      ELSE
        v_open[v_n] := false;
        p_results := p_results || pg_catalog.jsonb_build_object(v_result, coalesce((p_results ->> v_result)::int, 0) + 1);
        IF v_error IS NOT NULL THEN
          p_errors := p_errors || v_error;
        END IF;
      END IF;
    END LOOP;
    EXIT WHEN v_waiting = 0;
    PERFORM pg_catalog.pg_sleep(0.05);
  END LOOP;
  v_waiting := v_waiting + coalesce((p_results ->> 'locked')::int, 0);
  IF v_waiting > 0 THEN
    RAISE NOTICE '%.%: % (%) is postponed to the next run, because of other transactions', p_schema, p_name, p_kind, v_waiting;
  END IF;
END
$$;

-- Drops emptied tables, and finishes sorts that have begun.
CREATE OR REPLACE PROCEDURE pgwright.tiers_tidy(p_schema name, p_name name, p_now timestamptz, INOUT p_errors text[])
LANGUAGE plpgsql
AS $$
DECLARE
  v_times pg_catalog.timestamptz[] := pgwright.tiers_sorts(p_schema, p_name, false);
  v_relations pg_catalog.regclass[];
  v_results pg_catalog.jsonb;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  CALL pgwright.tiers_rounds(p_schema, p_name, 'sort', p_now, v_times, NULL, 20, p_errors, v_results);
  -- Twice: partitions announced by the first call then wait for the transactions of now, not for those of the next run.
  FOR v_turn IN 1..2 LOOP
    PERFORM pgwright.tiers_prepare(p_schema, p_name, NULL);
    COMMIT;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  END LOOP;
  v_relations := pgwright.tiers_drops(p_schema, p_name, p_now);
  COMMIT;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  CALL pgwright.tiers_rounds(p_schema, p_name, 'drop', p_now, NULL, v_relations, 20, p_errors, v_results);
END
$$;

CREATE OR REPLACE PROCEDURE pgwright.tiers_move_all(
  p_schema name, p_name name, p_now timestamptz, p_tier text, INOUT p_errors text[]
)
LANGUAGE plpgsql
AS $$
DECLARE
  v_times pg_catalog.timestamptz[] := pgwright.tiers_moves(p_schema, p_name, p_now, p_tier);
  v_results pg_catalog.jsonb;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  COMMIT;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  IF p_tier = 'wa' THEN
    BEGIN
      PERFORM pgwright.tiers_prepare(p_schema, p_name, p_now);
    EXCEPTION WHEN lock_not_available THEN NULL; -- only an optimization
    END;
    COMMIT;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  END IF;
  CALL pgwright.tiers_rounds(p_schema, p_name, 'move', p_now, v_times, NULL, 40, p_errors, v_results);
END
$$;

CREATE OR REPLACE PROCEDURE pgwright.tiers_partition_wa(p_schema name, p_name name, p_now timestamptz)
LANGUAGE plpgsql
AS $$
DECLARE
  v_errors pg_catalog.text[] := '{}';
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  CALL pgwright.tiers_move_all(p_schema, p_name, p_now, 'wa', v_errors);
  CALL pgwright.tiers_tidy(p_schema, p_name, p_now, v_errors);
  CALL pgwright.tiers_report(p_schema, p_name, 'partition_wa', v_errors);
END
$$;

CREATE OR REPLACE PROCEDURE pgwright.tiers_merge_wa_partitions(p_schema name, p_name name, p_now timestamptz)
LANGUAGE plpgsql
AS $$
DECLARE
  v_errors pg_catalog.text[] := '{}';
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  CALL pgwright.tiers_move_all(p_schema, p_name, p_now, 'wa_partition', v_errors);
  CALL pgwright.tiers_tidy(p_schema, p_name, p_now, v_errors);
  CALL pgwright.tiers_report(p_schema, p_name, 'merge_wa_partitions', v_errors);
END
$$;

CREATE OR REPLACE PROCEDURE pgwright.tiers_age_off(p_schema name, p_name name, p_now timestamptz)
LANGUAGE plpgsql
AS $$
DECLARE
  v_errors pg_catalog.text[] := '{}';
  v_relations pg_catalog.regclass[] := pgwright.tiers_aged(p_schema, p_name, p_now);
  v_results pg_catalog.jsonb;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  COMMIT;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  CALL pgwright.tiers_rounds(p_schema, p_name, 'age off', p_now, NULL, v_relations, 5, v_errors, v_results);
  CALL pgwright.tiers_report(p_schema, p_name, 'age_off', v_errors);
END
$$;

-- p_for NULL: each range with rows out of order.
CREATE OR REPLACE PROCEDURE pgwright.tiers_partition_sort(p_schema name, p_name name, p_for timestamptz)
LANGUAGE plpgsql
AS $$
DECLARE
  v_errors pg_catalog.text[] := '{}';
  v_times pg_catalog.timestamptz[] := CASE WHEN p_for IS NULL THEN pgwright.tiers_sorts(p_schema, p_name, true) ELSE ARRAY[p_for] END;
  v_results pg_catalog.jsonb;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  PERFORM pgwright.tiers_sync(pgwright.tiers_load(p_schema, p_name), true);
  COMMIT;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  CALL pgwright.tiers_rounds(p_schema, p_name, 'sort', p_for, v_times, NULL, 200, v_errors, v_results);
  IF p_for IS NOT NULL AND v_results ? 'none' THEN
    v_errors := v_errors || pg_catalog.format('%s_partition has no partition for %s', p_name, pgwright.tiers_utc(p_for));
  END IF;
  CALL pgwright.tiers_report(p_schema, p_name, 'partition_sort', v_errors);
END
$$;

-- The maintenance of every ten minutes.
CREATE OR REPLACE PROCEDURE pgwright.tiers_partition_maintenance(p_schema name, p_name name, p_now timestamptz DEFAULT now())
LANGUAGE plpgsql
AS $$
DECLARE
  v_errors pg_catalog.text[] := '{}';
  v_relations pg_catalog.regclass[];
  v_results pg_catalog.jsonb;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  CALL pgwright.tiers_move_all(p_schema, p_name, p_now, 'wa', v_errors);
  CALL pgwright.tiers_move_all(p_schema, p_name, p_now, 'wa_partition', v_errors);
  v_relations := pgwright.tiers_aged(p_schema, p_name, p_now);
  COMMIT;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  CALL pgwright.tiers_rounds(p_schema, p_name, 'age off', p_now, NULL, v_relations, 5, v_errors, v_results);
  v_relations := pgwright.tiers_unindexed(p_schema, p_name);
  COMMIT;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  CALL pgwright.tiers_rounds(p_schema, p_name, 'index', p_now, NULL, v_relations, 3, v_errors, v_results);
  CALL pgwright.tiers_tidy(p_schema, p_name, p_now, v_errors);
  CALL pgwright.tiers_report(p_schema, p_name, 'partition_maintenance', v_errors);
END
$$;
