-- The procedures behind those of the sets. Each step is a transaction of its own; one that fails does not keep others from
-- being done, and makes the procedure fail at the end, so that cron shows it. Procedures have no SET: they could not commit.

-- Notes how a run went; raises what went wrong in it.
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
  PERFORM pgwright.tiers_note(p_schema, p_name, p_step, pg_catalog.clock_timestamp(), p_errors);
  COMMIT;
  IF pg_catalog.cardinality(p_errors) > 0 THEN
    RAISE EXCEPTION '% of %.% failed in % steps, the others are done: %',
      p_step, p_schema, p_name, pg_catalog.cardinality(p_errors), pg_catalog.array_to_string(p_errors, '; ')
      USING HINT = 'The next run tries again.';
  END IF;
END
$$;

-- One step of a kind, as often as it has to be repeated; errors are added to p_errors.
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

CREATE OR REPLACE PROCEDURE pgwright.tiers_repeat(
  p_schema name, p_name name, p_kind text, p_now timestamptz, p_time timestamptz, p_relation regclass, p_tries int,
  INOUT p_errors text[], INOUT p_result text
)
LANGUAGE plpgsql
AS $$
DECLARE
  v_error text;
BEGIN
  FOR v_try IN 1..p_tries LOOP
    BEGIN
      v_error := NULL;
      p_result := pgwright.tiers_step(p_schema, p_name, p_kind, p_now, p_time, p_relation);
    EXCEPTION
      -- Somebody holds a lock: that is no error, and the next run comes.
      WHEN lock_not_available THEN
        p_result := 'wait';
      WHEN OTHERS THEN
        v_error := pg_catalog.format('%s %s: %s', p_kind, coalesce(p_relation::text, p_time::text), SQLERRM);
    END;
    COMMIT;
    EXIT WHEN v_error IS NOT NULL OR p_result <> 'wait';
    IF v_try > 2 THEN
      PERFORM pg_catalog.pg_sleep(0.05);
    END IF;
  END LOOP;
  IF v_error IS NOT NULL THEN
    p_errors := p_errors || v_error;
    p_result := 'failed';
  ELSIF p_result = 'wait' THEN
    RAISE NOTICE '%.%: % % is left to the next run, older transactions are in the way', p_schema, p_name, p_kind,
      coalesce(p_relation::text, p_time::text);
  END IF;
END
$$;

-- Tables that rows have left are dropped, sorting that was begun is brought to its end.
CREATE OR REPLACE PROCEDURE pgwright.tiers_tidy(p_schema name, p_name name, p_now timestamptz, INOUT p_errors text[])
LANGUAGE plpgsql
AS $$
DECLARE
  v_relation regclass;
  v_time timestamptz;
  v_result text;
  v_waiting int := 0;
BEGIN
  FOREACH v_time IN ARRAY pgwright.tiers_sorts(p_schema, p_name, false) LOOP
    CALL pgwright.tiers_repeat(p_schema, p_name, 'sort', p_now, v_time, NULL, 20, p_errors, v_result);
  END LOOP;
  FOREACH v_relation IN ARRAY pgwright.tiers_drops(p_schema, p_name, p_now) LOOP
    -- Where one has to wait, the others will most likely too.
    CALL pgwright.tiers_repeat(
      p_schema, p_name, 'drop', p_now, NULL, v_relation, CASE WHEN v_waiting < 3 THEN 10 ELSE 3 END, p_errors, v_result
    );
    v_waiting := v_waiting + CASE WHEN v_result = 'wait' THEN 1 ELSE 0 END;
  END LOOP;
END
$$;

CREATE OR REPLACE PROCEDURE pgwright.tiers_move_all(
  p_schema name, p_name name, p_now timestamptz, p_tier text, INOUT p_errors text[]
)
LANGUAGE plpgsql
AS $$
DECLARE
  v_times timestamptz[];
  v_time timestamptz;
  v_result text;
BEGIN
  v_times := pgwright.tiers_moves(p_schema, p_name, p_now, p_tier);
  COMMIT;
  FOREACH v_time IN ARRAY v_times LOOP
    CALL pgwright.tiers_repeat(p_schema, p_name, 'move', p_now, v_time, NULL, 40, p_errors, v_result);
  END LOOP;
END
$$;

CREATE OR REPLACE PROCEDURE pgwright.tiers_partition_wa(p_schema name, p_name name, p_now timestamptz)
LANGUAGE plpgsql
AS $$
DECLARE
  v_errors text[] := '{}';
BEGIN
  CALL pgwright.tiers_move_all(p_schema, p_name, p_now, 'wa', v_errors);
  CALL pgwright.tiers_tidy(p_schema, p_name, p_now, v_errors);
  CALL pgwright.tiers_report(p_schema, p_name, 'partition_wa', v_errors);
END
$$;

CREATE OR REPLACE PROCEDURE pgwright.tiers_merge_wa_partitions(p_schema name, p_name name, p_now timestamptz)
LANGUAGE plpgsql
AS $$
DECLARE
  v_errors text[] := '{}';
BEGIN
  CALL pgwright.tiers_move_all(p_schema, p_name, p_now, 'wa_partition', v_errors);
  CALL pgwright.tiers_tidy(p_schema, p_name, p_now, v_errors);
  CALL pgwright.tiers_report(p_schema, p_name, 'merge_wa_partitions', v_errors);
END
$$;

CREATE OR REPLACE PROCEDURE pgwright.tiers_age_off(p_schema name, p_name name, p_now timestamptz)
LANGUAGE plpgsql
AS $$
DECLARE
  v_errors text[] := '{}';
  v_relation regclass;
  v_result text;
BEGIN
  FOREACH v_relation IN ARRAY pgwright.tiers_aged(p_schema, p_name, p_now) LOOP
    CALL pgwright.tiers_repeat(p_schema, p_name, 'age off', p_now, NULL, v_relation, 5, v_errors, v_result);
  END LOOP;
  CALL pgwright.tiers_report(p_schema, p_name, 'age_off', v_errors);
END
$$;

-- p_for NULL: each range that has rows out of order.
CREATE OR REPLACE PROCEDURE pgwright.tiers_partition_sort(p_schema name, p_name name, p_for timestamptz)
LANGUAGE plpgsql
AS $$
DECLARE
  v_errors text[] := '{}';
  v_times timestamptz[];
  v_time timestamptz;
  v_result text;
BEGIN
  v_times := CASE WHEN p_for IS NULL THEN pgwright.tiers_sorts(p_schema, p_name, true) ELSE ARRAY[p_for] END;
  FOREACH v_time IN ARRAY v_times LOOP
    CALL pgwright.tiers_repeat(p_schema, p_name, 'sort', p_for, v_time, NULL, 100, v_errors, v_result);
    IF v_result = 'none' AND p_for IS NOT NULL THEN
      v_errors := v_errors || pg_catalog.format('no partition of %s_partition takes %s', p_name, p_for);
    END IF;
  END LOOP;
  CALL pgwright.tiers_report(p_schema, p_name, 'partition_sort', v_errors);
END
$$;

-- All that has to be done every ten minutes.
CREATE OR REPLACE PROCEDURE pgwright.tiers_partition_maintenance(p_schema name, p_name name, p_now timestamptz DEFAULT now())
LANGUAGE plpgsql
AS $$
DECLARE
  v_errors text[] := '{}';
  v_relation regclass;
  v_result text;
BEGIN
  CALL pgwright.tiers_move_all(p_schema, p_name, p_now, 'wa', v_errors);
  CALL pgwright.tiers_move_all(p_schema, p_name, p_now, 'wa_partition', v_errors);
  FOREACH v_relation IN ARRAY pgwright.tiers_aged(p_schema, p_name, p_now) LOOP
    CALL pgwright.tiers_repeat(p_schema, p_name, 'age off', p_now, NULL, v_relation, 5, v_errors, v_result);
  END LOOP;
  FOREACH v_relation IN ARRAY pgwright.tiers_unindexed(p_schema, p_name) LOOP
    CALL pgwright.tiers_repeat(p_schema, p_name, 'index', p_now, NULL, v_relation, 3, v_errors, v_result);
  END LOOP;
  CALL pgwright.tiers_tidy(p_schema, p_name, p_now, v_errors);
  CALL pgwright.tiers_report(p_schema, p_name, 'partition_maintenance', v_errors);
END
$$;
