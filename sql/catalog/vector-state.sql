-- What the books have of a vector index ($1, as SQL takes it), what sessions search with, and what was measured last.
SELECT
  to_jsonb(i) - 'search' - 'spelled' AS declared,
  i.spelled,
  i.search,
  pgwright.vector_search_of_database(i.method) AS "searchOfDatabase",
  pgwright.vector_setting(i.method || '.iterative_scan') AS "scanOfDatabase",
  m.measured_at AS "measuredAt",
  m.recall::float8 AS recall,
  m.search AS "measuredWith",
  m.queries,
  m.through,
  m.hidden_from AS "hiddenFrom"
FROM pgwright.vector_indexes AS i
LEFT JOIN LATERAL (
  SELECT * FROM pgwright.vector_measurements AS l 
  WHERE l.index_name = i.index_name AND l.index_oid = pgwright.vector_oid(i.schema_name, i.relation_name)
  ORDER BY l.measured_at DESC LIMIT 1
) AS m ON true
WHERE i.index_name = $1
