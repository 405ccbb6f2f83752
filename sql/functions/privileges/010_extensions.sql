-- Default privileges are for objects that roles make, and not for objects of extensions: the script of an extension says who may do
-- what with these. It counts on PostgreSQL's own defaults, such as EXECUTE for PUBLIC, so CREATE EXTENSION and ALTER EXTENSION run
-- without the default privileges of the database. Afterwards nothing in the catalog would say what the script had wanted.
-- All rows of these tables are deleted by the transaction that inserts them: other sessions never see any. UNLOGGED, since a
-- publication FOR ALL TABLES would refuse to delete rows of a table without a key.

-- Rows of pg_default_acl, while they do not hold.
CREATE UNLOGGED TABLE IF NOT EXISTS pgwright.privileges_suspended (LIKE pg_catalog.pg_default_acl);
-- Commands under way: scripts of extensions have ALTER EXTENSION in them.
CREATE UNLOGGED TABLE IF NOT EXISTS pgwright.privileges_commands (depth bigint GENERATED ALWAYS AS IDENTITY);

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
