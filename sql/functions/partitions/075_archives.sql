-- Dumps of archived partitions by the backup agent.

-- Partitions to dump: archived partitions of sets whose retention declares dump. A restored partition is not dumped again.
CREATE OR REPLACE VIEW pgwright.partition_dumps_due AS
SELECT k.parent, k.name, k.bound, k.partition
FROM pgwright.partitions_known AS k
JOIN pgwright.partition_sets AS s USING (parent)
WHERE k.state = 'archived' AND (s.retention ->> 'dump')::boolean
  AND EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = k.partition);
GRANT SELECT ON pgwright.partition_dumps_due TO PUBLIC;

-- Gives a partition that is restored from a dump the current row security of its table. If the policies do not fit its former columns, it
-- has no policies: only its owner sees its rows.
CREATE OR REPLACE FUNCTION pgwright.partition_secure_restored(p_parent regclass, p_table regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_table regclass;
BEGIN
  PERFORM pgwright.partition_secure(p_parent, p_table);
EXCEPTION WHEN OTHERS THEN
  FOR v_table IN SELECT t.relid FROM pgwright.partition_tables(p_table) AS t LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', v_table);
  END LOOP;
  RAISE WARNING 'policies of % cannot be created: %; until policies exist, only the owner sees the rows', p_parent, SQLERRM;
END
$$;
