// What owners of tables put into them, to see as whom it is run.

/**
 * What the owner plants: everywhere the same function, which looks whether the session that runs it leads to a superuser, and stops
 * whatever it is if so. What PostgreSQL runs itself as the owner, in a security-restricted operation, leads nowhere.
 */
export const TRAP = `
  CREATE FUNCTION data.trap(value bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
  DECLARE
    v_super boolean := false;
  BEGIN
    BEGIN
      v_super := (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user);
      PERFORM set_config('role', 'none', true);
      v_super := v_super OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user);
      RAISE EXCEPTION 'back';
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    IF v_super THEN
      RAISE LOG 'CODE OF AN OWNER RUNS AS MORE THAN ITS ROLE: %', pg_catalog.current_query();
      RAISE EXCEPTION 'CODE OF AN OWNER RUNS AS MORE THAN ITS ROLE';
    END IF;
    RETURN value;
  END $$;
  CREATE FUNCTION data.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM data.trap(1); RETURN coalesce(NEW, OLD); END $$;
  CREATE FUNCTION data.seize() RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    BEGIN PERFORM set_config('role', 'none', false); EXECUTE 'CREATE ROLE got_it SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
    RETURN (SELECT NOT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user);
  END $$;`;

/** All places of a table from which a function is called. */
export const plant = (table: string) => `
  ALTER TABLE ${table} ADD CHECK (data.trap(id) = id) NOT VALID;
  ALTER TABLE ${table} ADD trapped bigint DEFAULT data.trap(7);
  ALTER TABLE ${table} ADD generated bigint GENERATED ALWAYS AS (data.trap(1)) STORED;
  CREATE TRIGGER trap BEFORE INSERT OR UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION data.trap();
  CREATE INDEX ON ${table} ((data.trap(id)));
  CREATE INDEX ON ${table} (id) WHERE data.trap(3) = 3;
  ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
  ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
  CREATE POLICY trap ON ${table} USING (data.trap(id) = id);`;
