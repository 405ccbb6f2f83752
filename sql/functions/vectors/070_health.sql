-- For people and for alerts.

CREATE OR REPLACE VIEW pgwright.vector_health AS
SELECT
  i.index_name,
  i.table_name,
  i.method,
  coalesce(x.indisvalid, false) AS valid,
  i.at_least,
  m.recall,
  m.worst,
  i.neighbours,
  m.queries,
  m.search AS measured_with,
  pgwright.vector_search_of_database(i.method) AS search,
  m.median_ms,
  m.p95_ms,
  (SELECT sum(pg_relation_size(t.relid)) FROM pg_partition_tree(to_regclass(i.index_name)) AS t) AS bytes,
  m.measured_at,
  concat_ws('; ',
    CASE WHEN x.indexrelid IS NULL THEN 'the index is not there' WHEN NOT x.indisvalid THEN 'the index is invalid' END,
    CASE WHEN m.recall < i.at_least THEN format('recall %s is below %s', m.recall, i.at_least) END,
    CASE WHEN i.at_least IS NOT NULL AND m.measured_at IS NULL THEN 'its recall was never measured'
      WHEN i.at_least IS NOT NULL AND m.measured_at < now() - interval '3 days' THEN 'its recall was not measured for three days' END
  ) AS problem
FROM pgwright.vector_indexes AS i
LEFT JOIN pg_index AS x ON x.indexrelid = to_regclass(i.index_name)
LEFT JOIN LATERAL (
  SELECT * FROM pgwright.vector_measurements AS l WHERE l.index_name = i.index_name ORDER BY l.measured_at DESC LIMIT 1
) AS m ON true;

COMMENT ON VIEW pgwright.vector_health IS
'A row a declared vector index: recall as last measured, what is declared, latency and size. Alert on problem <> ''''.';

GRANT SELECT ON pgwright.vector_health TO PUBLIC;

-- Said here, as the default privileges of a database may leave PUBLIC nothing. None may more by it than by the table itself.
DO $$
DECLARE
  v_routine regprocedure;
BEGIN
  FOR v_routine IN
    SELECT p.oid FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = 'pgwright'::regnamespace AND p.proname ~ '^(measure_vectors|vector_)'
  LOOP
    EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', v_routine);
  END LOOP;
END
$$;
