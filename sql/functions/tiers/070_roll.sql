-- Switches writes to another table, every ten minutes. The next table is ready before, so that all transactions know it when it is used.

-- Advances new tables of _wa by one step, and creates one more if fewer than p_needed are ready and none is new. True if it did either.
CREATE OR REPLACE FUNCTION pgwright.tiers_supply_wa(p_set pgwright.tiers_sets, p_needed int)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_new regclass[] := pgwright.tiers_tables(p_set, 'wa', 'attached', 'announced');
  v_relation regclass;
BEGIN
  FOREACH v_relation IN ARRAY v_new LOOP
    PERFORM pgwright.tiers_make_ready(p_set, 'wa', v_relation);
  END LOOP;
  IF v_new <> '{}' OR cardinality(pgwright.tiers_tables(p_set, 'wa', 'ready', 'spare')) >= p_needed
    -- A set of an older version that is not converted yet continues with its existing tables, which are spare.
    OR EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = pgwright.tiers_relation(p_set, '_wa') AND c.relkind = 'r')
  THEN
    RETURN false;
  END IF;
  PERFORM pgwright.tiers_create_table(p_set, 'wa', 'attached');
  RETURN true;
END
$$;

-- One step of the roll, a transaction. Further steps follow until the result is 'done'.
CREATE OR REPLACE FUNCTION pgwright.tiers_roll_step(p_schema name, p_name name, p_rolled boolean)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET lock_timeout = '200ms'
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_enter(p_schema, p_name, 'roll');
  v_active regclass;
  v_next regclass;
  v_relation regclass;
BEGIN
  IF v_set IS NULL THEN
    RETURN 'wait';
  END IF;
  PERFORM pgwright.tiers_sync(v_set);
  v_active := (pgwright.tiers_tables(v_set, 'wa', 'active'))[1];

  -- Record now which transactions may write into the former table, and which cannot know the next one: later there would be more.
  FOREACH v_relation IN ARRAY pgwright.tiers_tables(v_set, 'wa', 'closed') LOOP
    PERFORM pgwright.tiers_waited(v_set, v_relation, pgwright.tiers_write_relations(v_set));
  END LOOP;
  IF pgwright.tiers_supply_wa(v_set, 1) THEN
    RETURN 'made';
  END IF;
  v_next := (pgwright.tiers_tables(v_set, 'wa', 'ready', 'spare'))[1];
  IF p_rolled OR v_active IS NOT NULL AND pgwright.tiers_is_empty(v_active) THEN
    RETURN 'done';
  END IF;
  IF v_next IS NULL THEN
    RETURN 'wait';
  END IF;

  PERFORM pgwright.tiers_write_routine(v_set, x.suffix, v_next) FROM unnest(ARRAY['_wa_number', '_insert']) AS x (suffix);
  PERFORM pgwright.tiers_set_state(v_set, v_next, 'active');
  IF v_active IS NOT NULL THEN
    PERFORM pgwright.tiers_set_state(v_set, v_active, 'closed');
    PERFORM pgwright.tiers_enqueue_analyze(v_set, v_active);
  END IF;
  RETURN 'rolled';
END
$$;

CREATE OR REPLACE PROCEDURE pgwright.tiers_roll_wa(p_schema name, p_name name)
LANGUAGE plpgsql
AS $$
DECLARE
  v_result pg_catalog.text;
  v_error pg_catalog.text;
  v_rolled boolean := false;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  -- Waits for short transactions that do not know the next table; for long ones, the next run tries again.
  FOR v_try IN 1..40 LOOP
    BEGIN
      v_result := pgwright.tiers_roll_step(p_schema, p_name, v_rolled);
      v_error := NULL;
    -- internal_error: another session grants a privilege on the routine at the same time ("tuple concurrently updated").
    EXCEPTION WHEN lock_not_available OR internal_error THEN
      v_result := 'wait';
      v_error := SQLERRM;
    END;
    COMMIT;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    EXIT WHEN v_result = 'done';
    v_rolled := v_rolled OR v_result = 'rolled';
    IF v_result = 'wait' THEN
      PERFORM pg_catalog.pg_sleep(0.05);
    END IF;
  END LOOP;
  IF v_error IS NOT NULL AND NOT v_rolled THEN
    RAISE EXCEPTION '%.% was not rolled: %', p_schema, p_name, v_error
      USING ERRCODE = 'lock_not_available', HINT = 'The next run tries again.';
  ELSIF v_result = 'wait' AND NOT v_rolled THEN
    RAISE NOTICE '%.% was not rolled: transactions that use it are older than its next table', p_schema, p_name
      USING HINT = 'The next run tries again; until then the former table receives the writes.';
    RETURN;
  END IF;
  PERFORM pgwright.tiers_succeeded(p_schema, p_name, 'roll_wa', pg_catalog.clock_timestamp());
END
$$;
