-- Partitions without a valid part of the index $1.
SELECT t.relid::pg_catalog.regclass::text AS partition
FROM pg_catalog.pg_index AS x
CROSS JOIN LATERAL pg_catalog.pg_partition_tree(x.indrelid) AS t
WHERE x.indexrelid = $1::pg_catalog.regclass AND t.isleaf AND NOT EXISTS (
  SELECT
  FROM pg_catalog.pg_partition_tree(x.indexrelid) AS part
  JOIN pg_catalog.pg_index AS p ON p.indexrelid = part.relid
  WHERE p.indrelid = t.relid AND p.indisvalid
)
