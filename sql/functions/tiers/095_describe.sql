-- Describes a set: configuration, problems, tiers and runs.

CREATE OR REPLACE FUNCTION pgwright.tiers_is_table(p_set pgwright.tiers_sets, p_suffix text)
RETURNS boolean
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = to_regclass(pgwright.tiers_object(p_set, p_suffix)) AND c.relkind = 'r'
  )
$$;

-- Differences from the objects that tiers_create creates.
CREATE OR REPLACE FUNCTION pgwright.tiers_problems(p_set pgwright.tiers_sets)
RETURNS SETOF text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = ''
-- The owner could replace a table by a view, whose code would run in the session of the reader.
SET restrict_nonsystem_relation_kind = 'view, foreign-table'
AS $$
DECLARE
  v_schema oid := quote_ident(p_set.schema_name)::regnamespace;
  v_view regclass := to_regclass(pgwright.tiers_object(p_set, ''));
  v_suffix text;
  v_kind "char";
  v_owner name;
  v_active regclass[] := '{}';
  v_routine record;
  v_found record;
BEGIN
  FOREACH v_suffix IN ARRAY ARRAY[''] || pgwright.tiers_fixed_tables() LOOP
    SELECT c.relkind, pg_get_userbyid(c.relowner) INTO v_kind, v_owner
    FROM pg_catalog.pg_class AS c WHERE c.relnamespace = v_schema AND c.relname = p_set.set_name || v_suffix;
    IF NOT FOUND THEN
      RETURN NEXT format('%s is missing', pgwright.tiers_object(p_set, v_suffix));
    ELSIF v_kind <> (CASE WHEN v_suffix = '' THEN 'v' WHEN v_suffix IN ('_wa', '_wa_partition', '_partition', '_spill') THEN 'p' ELSE 'r' END) THEN
      RETURN NEXT format('%s is a relation of another kind', pgwright.tiers_object(p_set, v_suffix));
    ELSIF v_owner <> p_set.owner_name THEN
      RETURN NEXT format('%s belongs to %s', pgwright.tiers_object(p_set, v_suffix), v_owner);
    END IF;
  END LOOP;
  IF pg_get_viewdef(v_view) <> p_set.view_definition THEN
    RETURN NEXT format('the view %s was edited', pgwright.tiers_object(p_set, ''));
  END IF;

  IF pgwright.tiers_is_table(p_set, '_tables') THEN
    EXECUTE format(
      'SELECT coalesce(array_agg(t.relation), ''{}'') FROM %s AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.relation'
      ' WHERE t.state = ''active''', pgwright.tiers_object(p_set, '_tables')
    ) INTO v_active;
  END IF;
  IF cardinality(v_active) <> 1 THEN
    RETURN NEXT format('%s tables of %s receive writes, not one', cardinality(v_active), pgwright.tiers_object(p_set, '_wa'));
  END IF;

  FOR v_routine IN SELECT r.* FROM pgwright.tiers_routines(p_set, v_active[1]) AS r LOOP
    SELECT p.oid, p.prosrc, p.prosecdef, pg_get_userbyid(p.proowner) AS owner INTO v_found
    FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = v_schema AND p.proname = p_set.set_name || v_routine.suffix
      AND p.prokind = CASE WHEN v_routine.kind = 'procedure' THEN 'p'::"char" ELSE 'f'::"char" END;
    IF NOT FOUND THEN
      RETURN NEXT format('the routine %s is missing', pgwright.tiers_object(p_set, v_routine.suffix));
      CONTINUE;
    ELSIF v_found.prosrc <> v_routine.body OR v_found.prosecdef <> (v_routine.kind = 'trigger') THEN
      RETURN NEXT format('the routine %s was edited', pgwright.tiers_object(p_set, v_routine.suffix));
    ELSIF v_found.owner <> p_set.owner_name THEN
      RETURN NEXT format('the routine %s belongs to %s', pgwright.tiers_object(p_set, v_routine.suffix), v_found.owner);
    END IF;
    -- Identified by table, function, event and enabled state, not by name. 64 is INSTEAD OF, 1 is FOR EACH ROW.
    IF v_routine.kind = 'trigger' AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_trigger AS t
      WHERE t.tgrelid = v_view AND t.tgfoid = v_found.oid AND t.tgenabled IN ('O', 'A')
        AND t.tgtype = 64 + 1 + CASE v_routine.suffix WHEN '_insert' THEN 4 WHEN '_delete' THEN 8 ELSE 16 END
    ) THEN
      RETURN NEXT format('the trigger for %s on %s is missing', ltrim(v_routine.suffix, '_'), pgwright.tiers_object(p_set, ''));
    END IF;
  END LOOP;
END
$$;

-- One tier: tables, estimated rows, bytes with indexes, oldest and newest row.
CREATE OR REPLACE FUNCTION pgwright.tiers_tier(p_set pgwright.tiers_sets, p_suffix text)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = ''
-- The owner could replace a table by a view, whose code would run in the session of the reader.
SET restrict_nonsystem_relation_kind = 'view, foreign-table'
SET timezone = 'UTC'
AS $$
DECLARE
  v_tier jsonb;
  v_oldest timestamptz;
  v_newest timestamptz;
BEGIN
  IF to_regclass(pgwright.tiers_object(p_set, p_suffix)) IS NULL THEN
    RETURN NULL;
  END IF;
  EXECUTE format('SELECT min(t.%I), max(t.%1$I) FROM %s AS t', p_set.config ->> 'time', pgwright.tiers_object(p_set, p_suffix))
    INTO v_oldest, v_newest;
  SELECT jsonb_build_object(
    'tables', count(*),
    'rowsEstimate', coalesce(sum(greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)), 0)::bigint,
    'bytes', coalesce(sum(pg_total_relation_size(c.oid)), 0),
    'indexBytes', coalesce(sum(pg_indexes_size(c.oid)), 0),
    'oldest', v_oldest,
    'newest', v_newest
  )
  INTO v_tier
  FROM pg_catalog.pg_inherits AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
  WHERE i.inhparent = pgwright.tiers_relation(p_set, p_suffix);
  RETURN v_tier;
END
$$;

-- Runs and queues, which can be read without access to the rows.
CREATE OR REPLACE FUNCTION pgwright.tiers_facts(p_set pgwright.tiers_sets)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = ''
-- The owner could replace a table by a view, whose code would run in the session of the reader.
SET restrict_nonsystem_relation_kind = 'view, foreign-table'
SET timezone = 'UTC'
AS $$
DECLARE
  v_facts jsonb := '{}';
  v_part jsonb;
BEGIN
  IF pgwright.tiers_is_table(p_set, '_runs') THEN
    EXECUTE format(
      'SELECT jsonb_build_object('
      '''lastRoll'', max(last_success) FILTER (WHERE step = ''roll_wa''),'
      '''lastMaintenance'', max(last_success) FILTER (WHERE step = ''partition_maintenance''),'
      '''lastErrors'', jsonb_object_agg(step, last_error) FILTER (WHERE last_error IS NOT NULL)) FROM %s',
      pgwright.tiers_object(p_set, '_runs')
    ) INTO v_part;
    v_facts := v_facts || v_part;
  END IF;
  IF pgwright.tiers_is_table(p_set, '_tables') THEN
    EXECUTE format(
      'SELECT jsonb_build_object('
      '''walTables'', count(*) FILTER (WHERE tier = ''wa''),'
      '''states'', (SELECT jsonb_object_agg(s.state, s.n) FROM (SELECT state, count(*) AS n FROM %1$s GROUP BY state) AS s),'
      -- Seconds that the oldest rolled table has waited for the move of its rows.
      '''lag'', coalesce(extract(epoch FROM clock_timestamp() - min(changed_at) FILTER (WHERE state IN (''closed'', ''sealed''))), 0)::int'
      ') FROM %1$s',
      pgwright.tiers_object(p_set, '_tables')
    ) INTO v_part;
    v_facts := v_facts || v_part;
  END IF;
  IF pgwright.tiers_is_table(p_set, '_analyze_queue') AND pgwright.tiers_is_table(p_set, '_sort_queue') THEN
    EXECUTE format(
      'SELECT jsonb_build_object(''analyzeQueue'', (SELECT count(*) FROM %s), ''sortQueue'', (SELECT count(*) FROM %s),'
      ' ''unsortedRows'', (SELECT coalesce(sum(unsorted_count), 0) FROM %2$s))',
      pgwright.tiers_object(p_set, '_analyze_queue'), pgwright.tiers_object(p_set, '_sort_queue')
    ) INTO v_part;
    v_facts := v_facts || v_part;
  END IF;
  RETURN v_facts;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_describe(p_schema name, p_name name)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_load(p_schema, p_name);
BEGIN
  RETURN jsonb_build_object(
    'config', v_set.config,
    'problems', to_jsonb(array(SELECT pgwright.tiers_problems(v_set))),
    'tiers', jsonb_build_object(
      'wa', pgwright.tiers_tier(v_set, '_wa'),
      'waPartition', pgwright.tiers_tier(v_set, '_wa_partition'),
      'partition', pgwright.tiers_tier(v_set, '_partition'),
      'spill', pgwright.tiers_tier(v_set, '_spill')
    )
  ) || pgwright.tiers_facts(v_set);
END
$$;

COMMENT ON FUNCTION pgwright.tiers_describe(name, name) IS
'Describes a tiered set: configuration, problems of its objects, size and age of its tiers, runs and queues.';
