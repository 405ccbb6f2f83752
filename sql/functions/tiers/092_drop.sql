-- Drops a set, with or without its rows.

CREATE OR REPLACE FUNCTION pgwright.tiers_drop(p_schema name, p_name name, p_keep_data boolean)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET lock_timeout = '10s'
SET client_min_messages = 'warning'
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_load(p_schema, p_name);
  v_view text := pgwright.tiers_object(v_set, '');
  v_main text := pgwright.tiers_object(v_set, '_partition');
  v_role text := current_setting('role');
  v_routine record;
  v_grants text[];
  v_converted boolean;
  v_suffix text;
BEGIN
  IF p_keep_data IS NULL THEN
    RAISE EXCEPTION 'keep_data must be true or false, not NULL' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(format('pgwright.tiers %s %I.%I', x.step, p_schema, p_name), 0))
  FROM unnest(ARRAY['roll', 'move']) AS x (step);
  PERFORM set_config('role', v_set.owner_name, true);
  PERFORM pgwright.tiers_lock(v_set);
  v_converted := pgwright.tiers_convert_wa(v_set);

  IF p_keep_data THEN
    -- The sorted partitions stay; all other rows move into a DEFAULT partition.
    EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', pgwright.tiers_object(v_set, '_rest'), v_main);
    PERFORM pgwright.tiers_pass_on(v_main::regclass, pgwright.tiers_object(v_set, '_rest')::regclass);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s DEFAULT', v_main, pgwright.tiers_object(v_set, '_rest'));
    FOREACH v_suffix IN ARRAY ARRAY['_wa', '_wa_partition', '_spill'] LOOP
      EXECUTE format(
        'INSERT INTO %s (%s) SELECT %2$s FROM %s', v_main, pgwright.tiers_columns(v_set), pgwright.tiers_object(v_set, v_suffix)
      );
    END LOOP;
    PERFORM pgwright.tiers_ensure_indexes(v_set, pgwright.tiers_object(v_set, '_rest')::regclass, 'spill');
    v_grants := ARRAY(SELECT pgwright.tiers_grants(to_regclass(v_view), v_view));
  END IF;

  EXECUTE format('DROP VIEW IF EXISTS %s', v_view);
  IF v_converted THEN
    EXECUTE format('DROP TABLE %s', pgwright.tiers_object(v_set, '_wa_before'));
  END IF;
  FOREACH v_suffix IN ARRAY pgwright.tiers_fixed_tables() LOOP
    IF v_suffix <> '_partition' OR NOT p_keep_data THEN
      EXECUTE format('DROP TABLE IF EXISTS %s', pgwright.tiers_object(v_set, v_suffix));
    END IF;
  END LOOP;
  FOR v_routine IN SELECT r.* FROM pgwright.tiers_routines(v_set, NULL) AS r LOOP
    EXECUTE format(
      'DROP %s IF EXISTS %s%s', CASE WHEN v_routine.kind = 'procedure' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
      pgwright.tiers_object(v_set, v_routine.suffix), CASE WHEN v_routine.kind = 'procedure' THEN '' ELSE '()' END
    );
  END LOOP;
  IF p_keep_data THEN
    EXECUTE format('ALTER TABLE %s RENAME TO %I', v_main, p_name);
    FOREACH v_suffix IN ARRAY v_grants LOOP
      EXECUTE v_suffix;
    END LOOP;
  END IF;
  PERFORM set_config('role', v_role, true);
  PERFORM pgwright.tiers_forget_set(p_schema, p_name);
END
$$;

COMMENT ON FUNCTION pgwright.tiers_drop(name, name, boolean) IS
'Drops a tiered set. With keep_data, its rows stay in one partitioned table with the name of the view.';

