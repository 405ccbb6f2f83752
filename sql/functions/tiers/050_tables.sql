-- The tables below the parents, and their states in T_tables:
--   _wa            attached -> announced -> ready -> active -> closed -> sealed -> emptied -> ready ..., or dropped if enough are ready;
--                  ready -> staging -> sealed ..., while rows are sorted again
--   _wa_partition  attached -> announced -> ready -> emptied -> dropped
--   _partition     attached -> announced -> ready -> loaded [-> emptied -> attached ..., when its rows are sorted again]
--   _spill         attached -> announced -> ready -> emptied -> dropped
-- ready: every transaction can know the table, so rows may be written into it. sealed: no transaction can write into it any more.

-- The indexes of a table of a tier.
CREATE OR REPLACE FUNCTION pgwright.tiers_indexes(p_set pgwright.tiers_sets, p_tier text)
RETURNS TABLE (method text, columns text[], options text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  WITH wanted (place, method, columns, options) AS (
    SELECT 1, 'btree', ARRAY[p_set.config ->> 'id', p_set.config ->> 'time'], ''
    UNION ALL
    SELECT 2, 'btree', ARRAY[p_set.config ->> 'time'], ''
    UNION ALL
    SELECT
      3,
      CASE WHEN p_tier = 'partition' THEN 'brin' WHEN p_set.config -> 'sortKey' ? 'geometry' THEN 'gist' ELSE 'btree' END,
      CASE
        WHEN p_set.config -> 'sortKey' ? 'geometry' THEN ARRAY[p_set.config -> 'sortKey' ->> 'geometry']
        ELSE ARRAY(SELECT jsonb_array_elements_text(p_set.config -> 'sortKey' -> 'columns'))
      END,
      CASE
        WHEN p_tier = 'partition' THEN format(' WITH (pages_per_range = %s)', (p_set.config ->> 'pagesPerRange')::int)
        ELSE ''
      END
    UNION ALL
    SELECT 3 + x.ordinality, 'btree', ARRAY[x.value], ''
    FROM jsonb_array_elements_text(p_set.config -> 'indexes') WITH ORDINALITY AS x
  )
  SELECT w.method, w.columns, min(w.options) FROM wanted AS w GROUP BY w.method, w.columns ORDER BY min(w.place)
$$;

-- Creates the missing indexes of a table. Returns their number.
CREATE OR REPLACE FUNCTION pgwright.tiers_ensure_indexes(p_set pgwright.tiers_sets, p_relation regclass, p_tier text)
RETURNS int
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_index record;
  v_made int := 0;
BEGIN
  FOR v_index IN
    SELECT w.* FROM pgwright.tiers_indexes(p_set, p_tier) AS w
    WHERE NOT EXISTS (
      SELECT FROM pg_catalog.pg_index AS i
      JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
      JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
      WHERE i.indrelid = p_relation AND i.indisvalid AND i.indpred IS NULL AND m.amname = w.method
        AND w.columns = ARRAY(
          SELECT a.attname::text
          FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
          ORDER BY k.place
        )
    )
  LOOP
    EXECUTE format(
      'CREATE INDEX ON %s USING %s (%s)%s',
      p_relation, v_index.method, (SELECT string_agg(quote_ident(x), ', ') FROM unnest(v_index.columns) AS x), v_index.options
    );
    v_made := v_made + 1;
  END LOOP;
  RETURN v_made;
END
$$;

-- An unused name. It is for readers only: the catalog has the bounds of a table.
CREATE OR REPLACE FUNCTION pgwright.tiers_free_name(p_set pgwright.tiers_sets, p_suffix text)
RETURNS name
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_name text := p_set.set_name || p_suffix;
  v_turn int := 1;
BEGIN
  WHILE EXISTS (
    SELECT FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = p_set.schema_name AND c.relname = v_name
  ) LOOP
    v_turn := v_turn + 1;
    v_name := p_set.set_name || p_suffix || '_' || v_turn;
  END LOOP;
  RETURN v_name;
END
$$;

-- Copies properties that a new table of a tier does not inherit: row security, which applies to queries of the table itself, and replica
-- identity, without which rows of a published table cannot move. Columns have the parent's numbers. A reused table gets the current
-- properties of its parent.
CREATE OR REPLACE FUNCTION pgwright.tiers_pass_on(p_parent regclass, p_table regclass)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_statement text;
BEGIN
  FOR v_statement IN
    SELECT format('DROP POLICY %I ON %s', p.polname, p_table) FROM pg_catalog.pg_policy AS p WHERE p.polrelid = p_table
    UNION ALL
    SELECT format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', p_table)
    FROM pg_catalog.pg_class AS c
    WHERE c.oid = p_table AND c.relrowsecurity
    UNION ALL
    SELECT format('ALTER TABLE %s REPLICA IDENTITY DEFAULT', p_table)
    FROM pg_catalog.pg_class AS c
    WHERE c.oid = p_table AND c.relreplident <> 'd'
  LOOP
    EXECUTE v_statement;
  END LOOP;
  FOR v_statement IN
    SELECT format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, %s ROW LEVEL SECURITY', p_table,
      CASE WHEN c.relforcerowsecurity THEN 'FORCE' ELSE 'NO FORCE' END)
    FROM pg_catalog.pg_class AS c
    WHERE c.oid = p_parent AND c.relrowsecurity
    UNION ALL
    SELECT format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', p.polname, p_table,
      CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
      CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
      (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ') FROM unnest(p.polroles) AS r),
      ' USING (' || pg_catalog.pg_get_expr(p.polqual, p_table) || ')',
      ' WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p_table) || ')')
    FROM pg_catalog.pg_policy AS p
    JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid
    WHERE p.polrelid = p_parent AND c.relrowsecurity
    UNION ALL
    SELECT format('ALTER TABLE %s REPLICA IDENTITY %s', p_table, CASE c.relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END)
    FROM pg_catalog.pg_class AS c
    WHERE c.oid = p_parent AND c.relreplident IN ('f', 'n')
  LOOP
    EXECUTE v_statement;
  END LOOP;
END
$$;

-- The wa_number of a table of _wa, from its bound.
CREATE OR REPLACE FUNCTION pgwright.tiers_wa_number(p_relation regclass)
RETURNS int
LANGUAGE sql
STABLE
STRICT
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT substring(pg_get_expr(c.relpartbound, c.oid) FROM '\d+')::int FROM pg_catalog.pg_class AS c WHERE c.oid = p_relation
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_create_table(
  p_set pgwright.tiers_sets,
  p_tier text,
  p_state text,
  p_lower timestamptz DEFAULT NULL,
  p_upper timestamptz DEFAULT NULL
)
RETURNS regclass
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
SET default_tablespace = ''
AS $$
DECLARE
  v_parent text := pgwright.tiers_object(p_set, '_' || p_tier);
  v_number int;
  v_suffix text;
  v_name text;
  v_key text := CASE p_tier WHEN 'wa_partition' THEN 'waPartitions' WHEN 'partition' THEN 'main' ELSE p_tier END;
BEGIN
  -- For the table and its indexes.
  PERFORM set_config('default_tablespace', coalesce(p_set.config -> 'tablespaces' ->> v_key, ''), true);

  IF p_tier = 'wa' THEN
    SELECT coalesce(max(pgwright.tiers_wa_number(i.inhrelid)), -1) + 1 INTO v_number
    FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = v_parent::regclass;
    v_suffix := '_wa_' || lpad(v_number::text, 3, '0');
  ELSE
    v_suffix := '_' || p_tier || to_char(p_lower, CASE p_tier WHEN 'wa_partition' THEN '_YYYY_MM_DD_HH24_MI' ELSE '_YYYY_MM_DD_HH24' END);
  END IF;
  v_name := format('%I.%I', p_set.schema_name, pgwright.tiers_free_name(p_set, v_suffix));

  -- Tables of the first two tiers are soon dropped or emptied, so a vacuum of them would be useless.
  EXECUTE format(
    'CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION)%s',
    v_name, v_parent, CASE WHEN p_tier IN ('wa', 'wa_partition') THEN ' WITH (autovacuum_enabled = false)' ELSE '' END
  );
  PERFORM pgwright.tiers_ensure_indexes(p_set, v_name::regclass, p_tier);
  PERFORM pgwright.tiers_pass_on(v_parent::regclass, v_name::regclass);
  -- Not PARTITION OF, which would block readers of the parent. The table is empty, so the ATTACH scans no rows.
  IF p_tier = 'wa' THEN
    EXECUTE format('ALTER TABLE %s ALTER COLUMN wa_number SET DEFAULT %s', v_name, v_number);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES IN (%s)', v_parent, v_name, v_number);
  ELSE
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', v_parent, v_name, p_lower, p_upper);
  END IF;

  EXECUTE format(
    'INSERT INTO %s (relation, tier, state, lower_bound, upper_bound, changed_in) VALUES ($1, $2, $3, $4, $5, pg_current_xact_id())',
    pgwright.tiers_object(p_set, '_tables')
  ) USING v_name::regclass, p_tier, p_state, p_lower, p_upper;
  RETURN v_name::regclass;
END
$$;

-- Synchronizes T_tables with the catalog: deletes dropped tables, adds attached ones. Each run begins with p_bounds, which reads the
-- bounds again too, as a partition may have been attached with other bounds.
CREATE OR REPLACE FUNCTION pgwright.tiers_sync(p_set pgwright.tiers_sets, p_bounds boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_tables text := pgwright.tiers_object(p_set, '_tables');
  v_unknown boolean := p_bounds;
BEGIN
  EXECUTE format(
    'DELETE FROM %s AS t WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = t.relation)'
    -- Detached outside of pgwright: queries would not see rows that are written to it.
    ' OR t.tier = ''wa'' AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = t.relation)',
    v_tables
  );
  EXECUTE format(
    'INSERT INTO %1$s (relation, tier, state, changed_in)'
    ' SELECT i.inhrelid, p.tier,'
    '   CASE p.tier WHEN ''wa'' THEN ''closed'' WHEN ''partition'' THEN ''loaded'' ELSE ''attached'' END, pg_current_xact_id()'
    ' FROM unnest(ARRAY[''wa'', ''wa_partition'', ''partition'', ''spill'']) AS p (tier)'
    ' JOIN pg_catalog.pg_inherits AS i ON i.inhparent = pgwright.tiers_relation($1, ''_'' || p.tier) AND NOT i.inhdetachpending'
    ' WHERE NOT EXISTS (SELECT FROM %1$s AS t WHERE t.relation = i.inhrelid)'
    ' ON CONFLICT DO NOTHING',
    v_tables
  ) USING p_set;
  IF NOT v_unknown THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE tier <> ''wa'' AND lower_bound IS NULL)', v_tables) INTO v_unknown;
  END IF;
  IF v_unknown THEN
    EXECUTE format(
      'UPDATE %s AS t SET tier = x.tier, lower_bound = p.lower_bound, upper_bound = p.upper_bound'
      ' FROM unnest(ARRAY[''wa_partition'', ''partition'', ''spill'']) AS x (tier)'
      ' CROSS JOIN LATERAL pgwright.tiers_partitions(pgwright.tiers_relation($1, ''_'' || x.tier)) AS p'
      ' WHERE p.relation = t.relation'
      '   AND (t.tier, t.lower_bound, t.upper_bound) IS DISTINCT FROM (x.tier, p.lower_bound, p.upper_bound)',
      v_tables
    ) USING p_set;
  END IF;
END
$$;

-- The partitions of a tier, with state and bounds from T_tables.
CREATE OR REPLACE FUNCTION pgwright.tiers_ranges(p_set pgwright.tiers_sets, p_tier text)
RETURNS TABLE (relation regclass, state text, lower_bound timestamptz, upper_bound timestamptz)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  RETURN QUERY EXECUTE format(
    'SELECT t.relation, t.state, t.lower_bound, t.upper_bound FROM %s AS t'
    ' JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = t.relation AND i.inhparent = $1 AND NOT i.inhdetachpending'
    ' WHERE t.tier = $2',
    pgwright.tiers_object(p_set, '_tables')
  ) USING pgwright.tiers_relation(p_set, '_' || p_tier), p_tier;
END
$$;

-- The partition for a time, with its state; no row if there is none.
CREATE OR REPLACE FUNCTION pgwright.tiers_partition_at(p_set pgwright.tiers_sets, p_tier text, p_time timestamptz)
RETURNS TABLE (relation regclass, state text, lower_bound timestamptz, upper_bound timestamptz)
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT r.* FROM pgwright.tiers_ranges(p_set, p_tier) AS r WHERE r.lower_bound <= p_time AND r.upper_bound > p_time
$$;

-- The range of a new partition for p_time: aligned, and cut at partitions of another width.
CREATE OR REPLACE FUNCTION pgwright.tiers_gap(
  p_set pgwright.tiers_sets,
  p_tier text,
  p_time timestamptz,
  p_width interval,
  OUT lower_bound timestamptz,
  OUT upper_bound timestamptz
)
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT
    greatest(a.aligned, max(p.upper_bound) FILTER (WHERE p.upper_bound <= p_time)),
    least(a.aligned + p_width, min(p.lower_bound) FILTER (WHERE p.lower_bound > p_time))
  FROM (SELECT pgwright.tiers_floor(p_time, p_width) AS aligned) AS a
  LEFT JOIN pgwright.tiers_ranges(p_set, p_tier) AS p ON true
  GROUP BY a.aligned
$$;

-- The name of a table that other sessions may be dropping, which is kept until the end of the transaction; NULL if it is dropped. The text
-- of a regclass would be a number then.
CREATE OR REPLACE FUNCTION pgwright.tiers_keep(p_relation oid)
RETURNS text
LANGUAGE plpgsql
VOLATILE
STRICT
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_name text;
BEGIN
  SELECT format('%I.%I', n.nspname, c.relname) INTO v_name
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = p_relation;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', v_name);
  RETURN v_name;
EXCEPTION WHEN undefined_table OR invalid_schema_name THEN
  RETURN NULL;
END
$$;

-- NULL if the table is dropped.
CREATE OR REPLACE FUNCTION pgwright.tiers_is_empty(p_relation regclass)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
STRICT
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_table text := pgwright.tiers_keep(p_relation);
  v_empty boolean;
BEGIN
  IF v_table IS NOT NULL THEN
    EXECUTE format('SELECT NOT EXISTS (SELECT FROM ONLY %s)', v_table) INTO v_empty;
  END IF;
  RETURN v_empty;
END
$$;

-- The tables in one of some states, oldest first.
CREATE OR REPLACE FUNCTION pgwright.tiers_tables(p_set pgwright.tiers_sets, p_tier text, VARIADIC p_states text[])
RETURNS regclass[]
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_relations regclass[];
BEGIN
  EXECUTE format(
    'SELECT coalesce(array_agg(t.relation ORDER BY t.changed_in, t.relation), ''{}'') FROM %s AS t'
    ' JOIN pg_catalog.pg_class AS c ON c.oid = t.relation WHERE t.tier = $1 AND t.state = ANY ($2)',
    pgwright.tiers_object(p_set, '_tables')
  ) INTO v_relations USING p_tier, p_states;
  RETURN v_relations;
END
$$;
