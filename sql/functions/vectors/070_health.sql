-- Views for operators and alerts.

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
  pgwright.vector_bytes(x.indexrelid) AS bytes,
  m.measured_at,
  concat_ws('; ',
    CASE WHEN x.indexrelid IS NULL THEN 'the index does not exist' WHEN NOT x.indisvalid THEN 'the index is invalid' END,
    CASE WHEN m.recall < i.at_least THEN format('recall %s is below %s', m.recall, i.at_least) END,
    CASE WHEN m.hidden_from IS NOT NULL THEN format('its recall was not measured: row security hides all rows from role %s', m.hidden_from) END,
    (SELECT string_agg(format('%s has the centres of %s rows, and its table has about %s', o.part, o.built, o.rows), '; ')
      FROM pgwright.vector_outgrown(x.indexrelid) AS o),
    CASE WHEN m.through < m.queries THEN 'queries use another index of the column' END,
    CASE WHEN i.at_least IS NOT NULL AND m.measured_at IS NULL THEN 'its recall was never measured'
      WHEN m.measured_at < now() - make_interval(days => i.days) THEN format('its recall was not measured for %s days', i.days) END
  ) AS problem
FROM pgwright.vector_indexes AS i
LEFT JOIN pg_index AS x ON x.indexrelid = pgwright.vector_oid(i.schema_name, i.relation_name)
LEFT JOIN LATERAL (
  SELECT * FROM pgwright.vector_measurements AS l WHERE l.index_name = i.index_name AND l.index_oid = x.indexrelid
  ORDER BY l.measured_at DESC LIMIT 1
) AS m ON true;

COMMENT ON VIEW pgwright.vector_health IS
'One row per declared vector index: last measured recall, declared recall, latency and size. Alert on problem <> ''''.';

-- The same as metrics, with names in the style of Prometheus. Times are seconds since 1970.
CREATE OR REPLACE VIEW pgwright.vector_metrics AS
SELECT f.name, f.help, jsonb_build_object('database', current_database(), 'index', h.index_name) AS labels, f.value::double precision
FROM pgwright.vector_health AS h
CROSS JOIN LATERAL (
  VALUES
    ('pgwright_vector_recall', 'Share of the true nearest neighbours that a search found in the last measurement.', h.recall),
    ('pgwright_vector_recall_declared', 'Declared minimum of the recall.', h.at_least),
    ('pgwright_vector_query_p95_seconds', 'Duration of a query in the last measurement, 95th percentile.', h.p95_ms / 1000),
    ('pgwright_vector_index_bytes', 'Size of the index.', h.bytes),
    ('pgwright_vector_measured_timestamp_seconds', 'Time of the last measurement of the recall.', extract(epoch FROM h.measured_at)),
    ('pgwright_vector_problem', '1: the index or its recall has a problem; 0: none.', (h.problem <> '')::integer)
) AS f (name, help, value)
WHERE f.value IS NOT NULL;

GRANT SELECT ON pgwright.vector_health, pgwright.vector_metrics TO PUBLIC;
