-- Who may become the owner of a set may run all of it. Said here, since a database may have taken EXECUTE from PUBLIC. All functions
-- but those that write to tiers_sets run with the rights of whoever calls them.
DO $$
DECLARE
  v_routine regprocedure;
BEGIN
  FOR v_routine IN
    SELECT p.oid FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = 'pgwright'::regnamespace AND p.proname LIKE 'tiers\_%'
  LOOP
    EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', v_routine);
  END LOOP;
END
$$;
