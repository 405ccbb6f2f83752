-- Analyzes the tables that rows were moved into.

CREATE OR REPLACE FUNCTION pgwright.tiers_enqueue_analyze(p_set pgwright.tiers_sets, p_relation regclass)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  EXECUTE format('INSERT INTO %s (relation) VALUES ($1)', pgwright.tiers_object(p_set, '_analyze_queue')) USING p_relation;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_analyze_queue(p_schema name, p_name name)
RETURNS oid[]
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_load(p_schema, p_name);
  v_relations oid[];
BEGIN
  EXECUTE format(
    'SELECT coalesce(array_agg(q.relation ORDER BY q.first), ''{}'')'
    ' FROM (SELECT relation, min(enqueued) AS first FROM %s GROUP BY relation) AS q',
    pgwright.tiers_object(v_set, '_analyze_queue')
  ) INTO v_relations;
  RETURN v_relations;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_analyze_step(p_schema name, p_name name, p_relation oid)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET lock_timeout = '200ms'
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_load(p_schema, p_name);
  v_table text;
BEGIN
  -- Only current entries; entries that arrive during the ANALYZE stay for the next run.
  EXECUTE format(
    'DELETE FROM %s WHERE relation = $1', pgwright.tiers_object(v_set, '_analyze_queue')
  ) USING p_relation;
  v_table := pgwright.tiers_keep(p_relation);
  IF v_table IS NOT NULL THEN
    EXECUTE format('ANALYZE %s', v_table);
  END IF;
END
$$;

CREATE OR REPLACE PROCEDURE pgwright.tiers_analyze_partitions(p_schema name, p_name name)
LANGUAGE plpgsql
AS $$
DECLARE
  v_relation pg_catalog.oid;
  v_errors pg_catalog.text[] := '{}';
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  FOREACH v_relation IN ARRAY pgwright.tiers_analyze_queue(p_schema, p_name) LOOP
    BEGIN
      PERFORM pgwright.tiers_analyze_step(p_schema, p_name, v_relation);
    EXCEPTION
      -- Locked by another session: the next run tries again.
      WHEN lock_not_available THEN NULL;
      WHEN OTHERS THEN v_errors := v_errors || SQLERRM;
    END;
    COMMIT;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  END LOOP;
  CALL pgwright.tiers_report(p_schema, p_name, 'analyze_partitions', v_errors);
END
$$;
