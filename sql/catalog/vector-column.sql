-- What an index can be made of: $1 the table, as SQL takes it, $2 the column. No row if the table is not there.
SELECT
  t.typname AS type,
  tn.nspname = 'pg_catalog' OR tn.oid = e.extnamespace AS known,
  a.atttypmod AS dimensions,
  e.extversion AS version,
  n.nspname AS extension,
  c.relkind = 'p' AS partitioned,
  (SELECT coalesce(sum(greatest(p.reltuples, 0)), 0)::float8 FROM pg_partition_tree(c.oid) JOIN pg_class AS p ON p.oid = relid) AS rows,
  (SELECT setting::float8 * 1024 FROM pg_settings WHERE name = 'maintenance_work_mem') AS memory
FROM pg_class AS c
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_namespace AS tn ON tn.oid = t.typnamespace
LEFT JOIN pg_extension AS e ON e.extname = 'vector'
LEFT JOIN pg_namespace AS n ON n.oid = e.extnamespace
WHERE c.oid = to_regclass($1)
