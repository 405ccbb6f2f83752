-- The table $1 with all its partitions, parents before children.
SELECT n.nspname AS schema, c.relname AS name, t.isleaf AS leaf, pn.nspname AS "parentSchema", p.relname AS "parentName"
FROM pg_catalog.pg_partition_tree($1::pg_catalog.regclass) AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.relid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class AS p ON p.oid = t.parentrelid AND t.level > 0
LEFT JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
ORDER BY t.level, 1, 2
