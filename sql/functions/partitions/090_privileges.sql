-- Who may call what: everybody, since nothing here does more than its caller may, and what keeps the books looks at who asks. Said
-- here, as the default privileges of a database may leave PUBLIC nothing.
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
