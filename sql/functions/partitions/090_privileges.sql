-- PUBLIC may execute all routines: they run with the caller's privileges, or check the caller. Granted explicitly, as the default
-- privileges of a database may withhold EXECUTE from PUBLIC.
DO $$
DECLARE
  v_routine regprocedure;
BEGIN
  FOR v_routine IN
    SELECT p.oid FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = 'pgwright'::regnamespace AND p.proname ~ '^(maintain_)?partition'
  LOOP
    EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', v_routine);
  END LOOP;
END
$$;
