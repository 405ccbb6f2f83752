-- Indexes on partitions of the table $1 whose names ($2, a regular expression) are those of parts, and that are attached to no index.
SELECT x.indexrelid::pg_catalog.regclass::text AS part
FROM pg_catalog.pg_partition_tree($1::pg_catalog.regclass) AS t
JOIN pg_catalog.pg_index AS x ON x.indrelid = t.relid
JOIN pg_catalog.pg_class AS c ON c.oid = x.indexrelid
WHERE t.isleaf AND c.relname ~ $2 AND NOT c.relispartition
