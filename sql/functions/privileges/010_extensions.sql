-- Declared default privileges are for objects that roles create, not for objects of extensions: the script of an extension sets their
-- privileges and relies on PostgreSQL's own defaults, such as EXECUTE for PUBLIC. So CREATE EXTENSION and ALTER EXTENSION run without the
-- default privileges of the database: afterwards the catalog would not show which privileges the script intended.

CREATE FUNCTION pgwright.privileges_suspend() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO pgwright.privileges_commands DEFAULT VALUES;
  WITH suspended AS (DELETE FROM pg_catalog.pg_default_acl RETURNING *)
  INSERT INTO pgwright.privileges_suspended SELECT * FROM suspended;
END
$$;

CREATE FUNCTION pgwright.privileges_resume() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM pgwright.privileges_commands
  WHERE depth = (SELECT max(depth) FROM pgwright.privileges_commands);
  IF EXISTS (SELECT FROM pgwright.privileges_commands) THEN
    RETURN;
  END IF;
  WITH resumed AS (DELETE FROM pgwright.privileges_suspended RETURNING *)
  INSERT INTO pg_catalog.pg_default_acl SELECT * FROM resumed;
END
$$;

CREATE EVENT TRIGGER pgwright_privileges_suspend ON ddl_command_start
WHEN TAG IN ('CREATE EXTENSION', 'ALTER EXTENSION')
EXECUTE FUNCTION pgwright.privileges_suspend();

CREATE EVENT TRIGGER pgwright_privileges_resume ON ddl_command_end
WHEN TAG IN ('CREATE EXTENSION', 'ALTER EXTENSION')
EXECUTE FUNCTION pgwright.privileges_resume();
