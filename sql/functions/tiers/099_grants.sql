-- Owners of sets run all but what makes, changes and drops a set. Said here, since a database may have taken EXECUTE from
-- PUBLIC. All functions run with the rights of whoever calls them.
DO $$
DECLARE
  v_routine regprocedure;
BEGIN
  FOR v_routine IN
    SELECT p.oid FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = 'pgwright'::regnamespace AND p.proname LIKE 'tiers\_%'
      AND p.proname NOT IN ('tiers_create', 'tiers_alter', 'tiers_drop')
  LOOP
    EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', v_routine);
  END LOOP;
END
$$;
