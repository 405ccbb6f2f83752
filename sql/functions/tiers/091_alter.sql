-- Changes and repairs a set: routines, triggers and views that were dropped or edited are written again.

-- Locks a set against all other sessions. The view first, in the order of all other sessions.
CREATE OR REPLACE FUNCTION pgwright.tiers_lock(p_set pgwright.tiers_sets)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_suffix text;
BEGIN
  FOREACH v_suffix IN ARRAY ARRAY['', '_wa'] LOOP
    -- Including all partitions.
    IF to_regclass(pgwright.tiers_object(p_set, v_suffix)) IS NOT NULL THEN
      EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', pgwright.tiers_object(p_set, v_suffix));
    END IF;
  END LOOP;
END
$$;

-- The privileges on a relation, as statements that grant them on another one with the same owner and columns.
CREATE OR REPLACE FUNCTION pgwright.tiers_grants(p_relation regclass, p_to text)
RETURNS SETOF text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT format(
    'GRANT %s%s ON %s TO %s%s', a.privilege_type, g.list, p_to,
    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
  )
  FROM (
    SELECT c.relacl AS acl, '' AS list FROM pg_catalog.pg_class AS c WHERE c.oid = p_relation
    UNION ALL
    SELECT t.attacl, format(' (%I)', t.attname) FROM pg_catalog.pg_attribute AS t WHERE t.attrelid = p_relation AND t.attnum > 0
  ) AS g
  CROSS JOIN LATERAL aclexplode(g.acl) AS a
  WHERE a.grantee <> (SELECT c.relowner FROM pg_catalog.pg_class AS c WHERE c.oid = p_relation)
$$;

-- In older versions of this library, write-ahead tables inherit from their parent. They become partitions of a new parent, which gets
-- privileges, row security and replica identity of the old one. The view uses the old one, T_wa_before, until it is written again.
-- False if there is nothing to convert. The caller has locked the set.
CREATE OR REPLACE FUNCTION pgwright.tiers_convert_wa(p_set pgwright.tiers_sets)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_wa text := pgwright.tiers_object(p_set, '_wa');
  v_before regclass;
  v_grant text;
  v_child record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = to_regclass(v_wa) AND c.relkind = 'r') THEN
    RETURN false;
  END IF;
  v_before := v_wa::regclass;
  IF EXISTS (SELECT FROM pg_catalog.pg_publication_rel AS p WHERE p.prrelid = v_before) THEN
    RAISE EXCEPTION '% cannot become a partitioned table, because publication % includes it', v_wa,
      (SELECT string_agg(quote_ident(p.pubname), ', ') FROM pg_catalog.pg_publication_rel AS r
       JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid WHERE r.prrelid = v_before)
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Drop it from the publication, update, and add it again.';
  END IF;
  EXECUTE format('ALTER TABLE %s RENAME TO %I', v_wa, p_set.set_name || '_wa_before');
  PERFORM pgwright.tiers_create_parents(p_set);
  PERFORM pgwright.tiers_pass_on(v_before, v_wa::regclass);
  FOR v_grant IN SELECT pgwright.tiers_grants(v_before, v_wa) LOOP
    EXECUTE v_grant;
  END LOOP;
  FOR v_child IN
    SELECT i.inhrelid::regclass AS relation, row_number() OVER (ORDER BY i.inhrelid) - 1 AS number
    FROM pg_catalog.pg_inherits AS i
    WHERE i.inhparent = v_before
  LOOP
    EXECUTE format('ALTER TABLE %s NO INHERIT %s', v_child.relation, v_before);
    EXECUTE format('ALTER TABLE %s ADD COLUMN wa_number int NOT NULL DEFAULT %s', v_child.relation, v_child.number);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES IN (%s)', v_wa, v_child.relation, v_child.number);
  END LOOP;
  EXECUTE format('UPDATE %s SET state = ''ready'' WHERE state = ''spare''', pgwright.tiers_object(p_set, '_tables'));
  EXECUTE format('ALTER TABLE %s DROP COLUMN IF EXISTS number', pgwright.tiers_object(p_set, '_tables'));
  RETURN true;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_alter(p_config jsonb)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET lock_timeout = '10s'
AS $$
DECLARE
  c_fixed CONSTANT text[] := '{owner,columns,id,time,sortKey,pagesPerRange,walMinutes}';
  v_config jsonb := pgwright.tiers_config(p_config);
  v_set pgwright.tiers_sets := pgwright.tiers_load((v_config ->> 'schema')::name, (v_config ->> 'name')::name);
  v_refused text;
  v_tier text;
  v_ready regclass;
  v_converted boolean;
  v_role text := current_setting('role');
BEGIN
  SELECT string_agg(format('%s from %s to %s', k.key, v_set.config -> k.key, v_config -> k.key), ', ') INTO v_refused
  FROM unnest(c_fixed) AS k (key)
  WHERE v_set.config -> k.key IS DISTINCT FROM v_config -> k.key;
  IF v_refused IS NOT NULL THEN
    RAISE EXCEPTION 'the tiered set %.% cannot change %', v_set.schema_name, v_set.set_name, v_refused
      USING ERRCODE = 'feature_not_supported',
        HINT = 'intervalHours, maxAge, minuteOffset and tablespaces may change, and indexes may be added; for other changes create another set and copy the rows.';
  END IF;
  IF NOT v_config -> 'indexes' @> (v_set.config -> 'indexes') THEN
    RAISE EXCEPTION 'the tiered set %.% cannot change indexes from % to %: indexes can only be added',
      v_set.schema_name, v_set.set_name, v_set.config -> 'indexes', v_config -> 'indexes'
      USING ERRCODE = 'feature_not_supported';
  END IF;

  -- After running steps of the maintenance.
  PERFORM pg_advisory_xact_lock(hashtextextended(format('pgwright.tiers %s %I.%I', x.step, v_set.schema_name, v_set.set_name), 0))
  FROM unnest(ARRAY['roll', 'move']) AS x (step);
  v_set.config := v_config;
  PERFORM pgwright.tiers_enter_set(v_set);

  IF EXISTS (SELECT FROM pgwright.tiers_problems(v_set)) THEN
    PERFORM set_config('role', v_set.owner_name, true);
    PERFORM pgwright.tiers_lock(v_set);
    v_converted := pgwright.tiers_convert_wa(v_set);
    PERFORM pgwright.tiers_create_parents(v_set);
    PERFORM pgwright.tiers_sync(v_set);
    IF pgwright.tiers_tables(v_set, 'wa', 'active') = '{}' THEN
      v_ready := (pgwright.tiers_tables(v_set, 'wa', 'ready'))[1];
      PERFORM pgwright.tiers_set_state(v_set, v_ready, 'active') WHERE v_ready IS NOT NULL;
      PERFORM pgwright.tiers_create_table(v_set, 'wa', 'active') WHERE v_ready IS NULL;
    END IF;
    PERFORM pgwright.tiers_write_code(v_set);
    IF v_converted THEN
      EXECUTE format('DROP TABLE %s', pgwright.tiers_object(v_set, '_wa_before'));
    END IF;
    PERFORM set_config('role', v_role, true);
    v_set.view_definition := pg_get_viewdef(pgwright.tiers_relation(v_set, ''));
    PERFORM pgwright.tiers_enter_set(v_set);
  END IF;

  -- Partitions of older versions of this library were not announced.
  FOREACH v_tier IN ARRAY ARRAY['wa_partition', 'partition', 'spill'] LOOP
    PERFORM pgwright.tiers_announce(v_set, pgwright.tiers_relation(v_set, '_' || v_tier));
    PERFORM pgwright.tiers_set_state(v_set, r.relation, 'attached')
    FROM unnest(pgwright.tiers_tables(v_set, v_tier, 'ready')) AS r (relation);
  END LOOP;
  RETURN v_config;
END
$$;

COMMENT ON FUNCTION pgwright.tiers_alter(jsonb) IS
'Changes the changeable settings of a tiered set, and repairs the problems that tiers_describe reports. Returns the completed configuration.';

