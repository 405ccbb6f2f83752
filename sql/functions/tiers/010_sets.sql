-- The sets there are. Only who installed this writes here; each owner reads what concerns it.
CREATE SCHEMA IF NOT EXISTS pgwright;
GRANT USAGE ON SCHEMA pgwright TO PUBLIC;

CREATE TABLE IF NOT EXISTS pgwright.tiers_sets (
  schema_name name NOT NULL,
  set_name name NOT NULL,
  owner_name name NOT NULL,
  config jsonb NOT NULL,
  -- As PostgreSQL prints it: another one was written by somebody else.
  view_definition text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (schema_name, set_name)
);

COMMENT ON TABLE pgwright.tiers_sets IS 'Tiered feature tables: one row a set, with its configuration as tiers_create has completed it.';

ALTER TABLE pgwright.tiers_sets ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON pgwright.tiers_sets TO PUBLIC;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = 'pgwright.tiers_sets'::regclass) THEN
    CREATE POLICY owners_read ON pgwright.tiers_sets FOR SELECT TO PUBLIC
      USING (pg_has_role(current_user, owner_name, 'USAGE'));
  END IF;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_load(p_schema name, p_name name)
RETURNS pgwright.tiers_sets
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.tiers_sets;
BEGIN
  SELECT s.* INTO v_set FROM pgwright.tiers_sets AS s WHERE s.schema_name = p_schema AND s.set_name = p_name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no tiered set %.% that % may see',
      coalesce(quote_ident(p_schema), 'NULL'), coalesce(quote_ident(p_name), 'NULL'), current_user
      USING ERRCODE = 'undefined_object', HINT = 'pgwright.tiers_status lists the sets.';
  END IF;
  RETURN v_set;
END
$$;

-- What each step of the maintenance begins with. Two locks: a roll never waits for rows to be moved.
-- Returns NULL when another session holds the lock.
CREATE OR REPLACE FUNCTION pgwright.tiers_enter(p_schema name, p_name name, p_lock text)
RETURNS pgwright.tiers_sets
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_load(p_schema, p_name);
BEGIN
  -- Another role would own what it makes.
  IF v_set.owner_name <> current_user THEN
    RAISE EXCEPTION 'tables of the set %.% are made by its owner %, not by %', p_schema, p_name, v_set.owner_name, current_user
      USING ERRCODE = 'insufficient_privilege', HINT = format('SET ROLE %I first.', v_set.owner_name);
  END IF;
  -- An older snapshot would not see the rows of late writers, and the table that holds them would be dropped.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'maintenance of %.% needs the isolation level read committed, not %',
      p_schema, p_name, current_setting('transaction_isolation')
      USING ERRCODE = 'invalid_transaction_state',
        HINT = format('ALTER ROLE %I SET default_transaction_isolation = ''read committed''.', v_set.owner_name);
  END IF;
  IF NOT pg_try_advisory_xact_lock(hashtextextended(format('pgwright.tiers %s %I.%I', p_lock, p_schema, p_name), 0)) THEN
    RETURN NULL;
  END IF;
  RETURN v_set;
END
$$;

-- Name of one of the set's objects, quoted and with its schema.
CREATE OR REPLACE FUNCTION pgwright.tiers_object(p_set pgwright.tiers_sets, p_suffix text)
RETURNS text
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT format('%I.%I', p_set.schema_name, p_set.set_name || p_suffix)
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_relation(p_set pgwright.tiers_sets, p_suffix text)
RETURNS regclass
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT pgwright.tiers_object(p_set, p_suffix)::regclass
$$;

-- The columns, quoted, with a prefix (an alias and a dot) and in the order of the configuration.
CREATE OR REPLACE FUNCTION pgwright.tiers_columns(p_set pgwright.tiers_sets, p_prefix text DEFAULT '')
RETURNS text
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT string_agg(p_prefix || quote_ident(c.value ->> 'name'), ', ' ORDER BY c.ordinality)
  FROM jsonb_array_elements(p_set.config -> 'columns') WITH ORDINALITY AS c
$$;

-- What rows are sorted by. PostGIS orders geometries along a Hilbert curve.
CREATE OR REPLACE FUNCTION pgwright.tiers_sort_columns(p_set pgwright.tiers_sets)
RETURNS text
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT coalesce(
    quote_ident(p_set.config -> 'sortKey' ->> 'geometry'),
    (
      SELECT string_agg(quote_ident(c.value), ', ' ORDER BY c.ordinality)
      FROM jsonb_array_elements_text(p_set.config -> 'sortKey' -> 'columns') WITH ORDINALITY AS c
    )
  )
$$;
