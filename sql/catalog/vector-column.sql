-- What an index can be made of: $1 the table, as SQL takes it, $2 the column. No row if the table is not there.
SELECT
  t.typname AS type,
  tn.nspname = 'pg_catalog' OR tn.oid = e.extnamespace AS known,
  coalesce(a.atttypmod, -1) AS dimensions,
  e.extversion AS version,
  n.nspname AS extension,
  c.relkind = 'p' AS partitioned,
  (
    -- Of a table that was never analysed, by its size.
    SELECT coalesce(sum(CASE
      WHEN p.reltuples >= 0 THEN p.reltuples
      ELSE pg_table_size(p.oid) / (60.0 + CASE t.typname WHEN 'vector' THEN 4 WHEN 'halfvec' THEN 2 ELSE 1 END * greatest(a.atttypmod, 1))
    END), 0)::float8
    FROM pg_class AS p
    WHERE p.relkind <> 'p' AND (p.oid = c.oid OR p.oid IN (SELECT relid FROM pg_partition_tree(c.oid)))
  ) AS rows,
  (SELECT setting::float8 * 1024 FROM pg_settings WHERE name = 'maintenance_work_mem') AS memory
FROM pg_class AS c
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_namespace AS tn ON tn.oid = t.typnamespace
LEFT JOIN pg_extension AS e ON e.extname = 'vector'
LEFT JOIN pg_namespace AS n ON n.oid = e.extnamespace
WHERE c.oid = to_regclass($1)
