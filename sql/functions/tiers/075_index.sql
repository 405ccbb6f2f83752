-- Builds added indexes on tables that existed before.

CREATE OR REPLACE FUNCTION pgwright.tiers_unindexed(p_schema name, p_name name)
RETURNS regclass[]
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_load(p_schema, p_name);
  v_relations regclass[];
BEGIN
  EXECUTE format(
    'SELECT coalesce(array_agg(t.relation ORDER BY t.relation), ''{}'') FROM %s AS t'
    ' JOIN pg_catalog.pg_class AS c ON c.oid = t.relation'
    ' WHERE t.state <> ''emptied'' AND (SELECT count(*) FROM pg_catalog.pg_index AS i WHERE i.indrelid = t.relation AND i.indisvalid)'
    ' < (SELECT count(*) FROM pgwright.tiers_indexes($1, t.tier))',
    pgwright.tiers_object(v_set, '_tables')
  ) INTO v_relations USING v_set;
  RETURN v_relations;
END
$$;

-- Writes to the table wait while the index is built.
CREATE OR REPLACE FUNCTION pgwright.tiers_index_step(p_schema name, p_name name, p_relation regclass)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET lock_timeout = '200ms'
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_enter(p_schema, p_name, 'move');
  v_tier text;
BEGIN
  IF v_set IS NULL THEN
    RETURN 'wait';
  END IF;
  EXECUTE format('SELECT tier FROM %s WHERE relation = $1', pgwright.tiers_object(v_set, '_tables')) INTO v_tier USING p_relation;
  IF v_tier IS NOT NULL THEN
    PERFORM pgwright.tiers_ensure_indexes(v_set, p_relation, v_tier);
  END IF;
  RETURN 'done';
END
$$;
