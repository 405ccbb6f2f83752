-- The declared sets. An owner reads its own sets, and writes with tiers_enter_set and tiers_forget_set.
--
-- Access to the tables of a set can run code of its owner, so no role with more privileges creates or changes them; and the owner cannot
-- write to tiers_sets. These two functions write for roles that may become the owner.
CREATE OR REPLACE FUNCTION pgwright.tiers_may(p_owner name)
RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  IF NOT pg_has_role(session_user, p_owner, 'SET') THEN
    RAISE EXCEPTION 'role % may not change tiered sets of %', session_user, p_owner
      USING ERRCODE = 'insufficient_privilege', HINT = format('GRANT %I TO %I', p_owner, session_user);
  END IF;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_enter_set(p_set pgwright.tiers_sets)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
  PERFORM pgwright.tiers_may(coalesce(
    (SELECT s.owner_name FROM pgwright.tiers_sets AS s WHERE s.schema_name = p_set.schema_name AND s.set_name = p_set.set_name),
    p_set.owner_name
  ));
  PERFORM pgwright.tiers_may(p_set.owner_name);
  INSERT INTO pgwright.tiers_sets AS s (schema_name, set_name, owner_name, config, view_definition)
  VALUES (p_set.schema_name, p_set.set_name, p_set.owner_name, p_set.config, p_set.view_definition)
  ON CONFLICT (schema_name, set_name) DO UPDATE
  SET owner_name = excluded.owner_name, config = excluded.config, view_definition = excluded.view_definition;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_forget_set(p_schema name, p_name name)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
  PERFORM pgwright.tiers_may(s.owner_name) FROM pgwright.tiers_sets AS s WHERE s.schema_name = p_schema AND s.set_name = p_name;
  DELETE FROM pgwright.tiers_sets AS s WHERE s.schema_name = p_schema AND s.set_name = p_name;
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
    RAISE EXCEPTION 'tiered set %.% does not exist, or is not visible to %',
      coalesce(quote_ident(p_schema), 'NULL'), coalesce(quote_ident(p_name), 'NULL'), current_user
      USING ERRCODE = 'undefined_object', HINT = 'pgwright.tiers_status lists the sets.';
  END IF;
  RETURN v_set;
END
$$;

-- Begins each step of the maintenance. There are two locks, so that a roll does not wait for moves.
-- Returns NULL if another session holds the lock.
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
  -- Another role would own the tables that it creates.
  IF v_set.owner_name <> current_user THEN
    RAISE EXCEPTION 'the set %.% is maintained by its owner %, not by %', p_schema, p_name, v_set.owner_name, current_user
      USING ERRCODE = 'insufficient_privilege', HINT = format('SET ROLE %I first.', v_set.owner_name);
  END IF;
  -- An older snapshot would not show the rows of late writers, so the table that holds them would be dropped.
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

-- Quoted name of an object of the set, with its schema.
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

-- The quoted columns with a prefix (an alias and a dot), in the order of the configuration.
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

-- The sort key. PostGIS orders geometries along a Hilbert curve.
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
