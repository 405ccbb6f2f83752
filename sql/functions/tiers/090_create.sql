-- Creates a set. Its owner creates all objects, so missing privileges fail here and not when a job runs.

-- The tables of every set; existing ones are kept.
CREATE OR REPLACE FUNCTION pgwright.tiers_create_parents(p_set pgwright.tiers_sets)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET client_min_messages = 'warning'
AS $$
DECLARE
  v_columns text;
  v_time text := quote_ident(p_set.config ->> 'time');
  v_tier text;
BEGIN
  SELECT string_agg(
    concat_ws(
      ' ', quote_ident(c.value ->> 'name'), c.value ->> 'type',
      CASE WHEN (c.value ->> 'notNull')::boolean THEN 'NOT NULL' END, 'DEFAULT (' || (c.value ->> 'default') || ')'
    ),
    ', ' ORDER BY c.ordinality
  )
  INTO STRICT v_columns
  FROM jsonb_array_elements(p_set.config -> 'columns') WITH ORDINALITY AS c;
  -- Limits the time to values that ranges and names of partitions can represent.
  v_columns := v_columns || format(
    ', CONSTRAINT time_has_range CHECK (%s >= timestamptz ''0001-01-01 00:00:00+00'' AND %1$s < timestamptz ''9999-12-01 00:00:00+00'')',
    v_time
  );

  -- The default of wa_number selects the table that receives the writes, so that one statement can write many rows to _wa.
  IF to_regprocedure(pgwright.tiers_object(p_set, '_wa_number') || '()') IS NULL THEN
    PERFORM pgwright.tiers_write_routine(p_set, '_wa_number', NULL);
  END IF;
  EXECUTE format(
    'CREATE TABLE IF NOT EXISTS %s (%s, wa_number int NOT NULL DEFAULT %s()) PARTITION BY LIST (wa_number)',
    pgwright.tiers_object(p_set, '_wa'), v_columns, pgwright.tiers_object(p_set, '_wa_number')
  );
  FOREACH v_tier IN ARRAY ARRAY['_wa_partition', '_partition', '_spill'] LOOP
    EXECUTE format(
      'CREATE TABLE IF NOT EXISTS %s (%s) PARTITION BY RANGE (%s)', pgwright.tiers_object(p_set, v_tier), v_columns, v_time
    );
  END LOOP;
  EXECUTE format(
    'CREATE TABLE IF NOT EXISTS %s (relation regclass NOT NULL, enqueued timestamptz NOT NULL DEFAULT clock_timestamp())',
    pgwright.tiers_object(p_set, '_analyze_queue')
  );
  EXECUTE format(
    'CREATE TABLE IF NOT EXISTS %s (relation regclass NOT NULL, range_start timestamptz NOT NULL, unsorted_count bigint NOT NULL,'
    ' enqueued timestamptz NOT NULL DEFAULT clock_timestamp())',
    pgwright.tiers_object(p_set, '_sort_queue')
  );
  EXECUTE format(
    'CREATE TABLE IF NOT EXISTS %s (relation regclass PRIMARY KEY, tier text NOT NULL, state text NOT NULL,'
    ' lower_bound timestamptz, upper_bound timestamptz, waits_for text[], changed_in xid8 NOT NULL,'
    ' changed_at timestamptz NOT NULL DEFAULT clock_timestamp())',
    pgwright.tiers_object(p_set, '_tables')
  );
  EXECUTE format(
    'CREATE TABLE IF NOT EXISTS %s (step text PRIMARY KEY, last_success timestamptz, last_failure timestamptz, last_error text)',
    pgwright.tiers_object(p_set, '_runs')
  );
END
$$;

-- Suffixes of the tables with a fixed name.
CREATE OR REPLACE FUNCTION pgwright.tiers_fixed_tables()
RETURNS text[]
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT ARRAY['_wa', '_wa_partition', '_partition', '_spill', '_analyze_queue', '_sort_queue', '_tables', '_runs']
$$;

-- True if the tables of the set exist with these columns, and only its row in tiers_sets is missing.
CREATE OR REPLACE FUNCTION pgwright.tiers_is_lost(p_set pgwright.tiers_sets)
RETURNS boolean
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT
    NOT EXISTS (
      SELECT FROM unnest(ARRAY[''] || pgwright.tiers_fixed_tables()) AS x (suffix)
      WHERE to_regclass(pgwright.tiers_object(p_set, x.suffix)) IS NULL
    )
    AND (
      SELECT jsonb_agg(
        jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull) ORDER BY a.attnum
      )
      FROM pg_catalog.pg_attribute AS a
      WHERE a.attrelid = to_regclass(pgwright.tiers_object(p_set, '_partition')) AND a.attnum > 0 AND NOT a.attisdropped
    ) = (
      SELECT jsonb_agg(c.value - 'default' ORDER BY c.ordinality)
      FROM jsonb_array_elements(p_set.config -> 'columns') WITH ORDINALITY AS c
    )
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_create(p_config jsonb)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.tiers_sets;
  v_config jsonb := pgwright.tiers_config(p_config);
  v_taken text;
  v_role text := current_setting('role');
BEGIN
  v_set.schema_name := v_config ->> 'schema';
  v_set.set_name := v_config ->> 'name';
  v_set.owner_name := v_config ->> 'owner';
  v_set.config := v_config;
  SELECT string_agg(pgwright.tiers_object(v_set, x.suffix), ', ') INTO v_taken
  FROM unnest(ARRAY[''] || pgwright.tiers_fixed_tables()) AS x (suffix)
  WHERE EXISTS (
    SELECT FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = quote_ident(v_set.schema_name)::regnamespace AND c.relname = v_set.set_name || x.suffix
  );
  IF v_taken IS NOT NULL AND NOT EXISTS (
    SELECT FROM pgwright.tiers_sets AS s WHERE s.schema_name = v_set.schema_name AND s.set_name = v_set.set_name
  ) AND pgwright.tiers_is_lost(v_set) THEN
    -- The recorded definition of the view is lost: the view and all routines are written again.
    v_set.view_definition := '';
    PERFORM pgwright.tiers_enter_set(v_set);
    PERFORM pgwright.tiers_alter(p_config);
    v_set := pgwright.tiers_load(v_set.schema_name, v_set.set_name);
    IF EXISTS (SELECT FROM pgwright.tiers_problems(v_set)) THEN
      RAISE EXCEPTION 'the tiered set %.% exists already and cannot be adopted: %', v_set.schema_name, v_set.set_name,
        (SELECT string_agg(p.problem, '; ') FROM pgwright.tiers_problems(v_set) AS p (problem))
        USING ERRCODE = 'duplicate_table', HINT = 'Repair these objects, or give the set another name.';
    END IF;
    RETURN v_config;
  END IF;
  IF v_taken IS NOT NULL THEN
    RAISE EXCEPTION 'the tiered set %.% cannot be created: % exists already', v_set.schema_name, v_set.set_name, v_taken
      USING ERRCODE = 'duplicate_table', HINT = 'Give the set another name, or rename the existing relation.';
  END IF;
  PERFORM pgwright.tiers_enter_set(v_set);

  PERFORM set_config('role', v_set.owner_name, true);
  PERFORM pgwright.tiers_create_parents(v_set);
  -- No session knows the set yet, so these tables need no announcement.
  PERFORM pgwright.tiers_create_table(v_set, 'wa', x.state) FROM unnest(ARRAY['active', 'ready', 'ready']) AS x (state);
  PERFORM pgwright.tiers_write_code(v_set);
  PERFORM set_config('role', v_role, true);

  v_set.view_definition := pg_get_viewdef(pgwright.tiers_relation(v_set, ''));
  PERFORM pgwright.tiers_enter_set(v_set);
  RETURN v_config;
END
$$;

COMMENT ON FUNCTION pgwright.tiers_create(jsonb) IS
'Creates a tiered set, or adopts one whose tables exist but which is missing in tiers_sets. Returns the completed configuration. Changes nothing on an error.';

