// What the owner of a database puts in front of the catalogs.

/**
 * Objects of the catalogs under their own names in a schema that comes first: views, functions, types. Each use
 * in a session of a superuser, or of the role `keeper`, is logged.
 */
export const MIRROR = `
  CREATE SCHEMA evil;
  GRANT USAGE ON SCHEMA evil TO PUBLIC;
  CREATE FUNCTION evil.trap() RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    IF (SELECT rolsuper OR rolname OPERATOR(pg_catalog.=) 'keeper' FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) session_user) THEN
      RAISE LOG 'CODE OF AN OWNER RUNS AS MORE: % %', pg_catalog.current_setting('application_name'), pg_catalog.current_query();
    END IF;
    RETURN true;
  END $$;
  GRANT EXECUTE ON FUNCTION evil.trap() TO PUBLIC;
  DO $$
  DECLARE
    v_name name;
    v_columns text;
  BEGIN
    FOR v_name, v_columns IN
      SELECT c.relname, string_agg(quote_ident(a.attname), ', ')
      FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
      WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v') AND a.atttypid <> 'anyarray'::regtype
        AND c.relname <> 'pg_statistic_ext_data'
      GROUP BY 1
    LOOP
      EXECUTE format(
        'CREATE VIEW evil.%1$I WITH (security_invoker) AS SELECT %2$s FROM pg_catalog.%1$I WHERE evil.trap()', v_name, v_columns);
      EXECUTE format('GRANT SELECT ON evil.%I TO PUBLIC', v_name);
    END LOOP;
  END $$;
  CREATE FUNCTION evil.to_regclass(pg_catalog.text) RETURNS regclass LANGUAGE sql
    RETURN CASE WHEN evil.trap() THEN pg_catalog.to_regclass($1) END;
  CREATE FUNCTION evil.quote_ident(pg_catalog.text) RETURNS pg_catalog.text LANGUAGE sql
    RETURN CASE WHEN evil.trap() THEN pg_catalog.quote_ident($1) END;
  CREATE FUNCTION evil.current_setting(pg_catalog.text) RETURNS pg_catalog.text LANGUAGE sql
    RETURN CASE WHEN evil.trap() THEN pg_catalog.current_setting($1) END;
  CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql RETURN CASE WHEN evil.trap() THEN pg_catalog.now() END;
  CREATE FUNCTION evil.hashtext(pg_catalog.text) RETURNS int LANGUAGE sql RETURN CASE WHEN evil.trap() THEN pg_catalog.hashtext($1) END;
  CREATE FUNCTION evil.same(name, pg_catalog.text) RETURNS boolean LANGUAGE sql
    RETURN CASE WHEN evil.trap() THEN $1 OPERATOR(pg_catalog.=) $2 END;
  CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = pg_catalog.text, FUNCTION = evil.same);
  CREATE DOMAIN evil.text AS pg_catalog.text CHECK (evil.trap());
  CREATE DOMAIN evil.jsonb AS pg_catalog.jsonb CHECK (evil.trap());
  CREATE DOMAIN evil.oid AS pg_catalog.oid CHECK (evil.trap());
  CREATE DOMAIN evil.timestamptz AS pg_catalog.timestamptz CHECK (evil.trap());
  GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA evil TO PUBLIC;`;
