-- How vector indexes stand, a line each, for people; alarm: somebody has to look at it.
SELECT 'vectors, ' || h.index_name AS what,
  concat_ws(', ',
    'recall@' || h.neighbours || ' ' || coalesce(h.recall::text, 'not measured') || ' of ' || h.at_least || ' declared',
    'a query ' || h.median_ms || ' ms',
    pg_size_pretty(h.bytes),
    nullif(h.problem, '')) AS value,
  h.problem <> '' AS alarm
FROM pgwright.vector_health AS h
ORDER BY 1
