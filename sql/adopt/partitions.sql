-- Tables that are partitioned by RANGE of one column, with the bounds of their partitions.
SELECT n.nspname AS schema, t.relname AS name, format_type(a.atttypid, NULL) AS type,
       coalesce(
         (SELECT json_agg(json_build_object('name', p.relname, 'bound', pg_get_expr(p.relpartbound, p.oid)) ORDER BY p.relname)
          FROM pg_inherits JOIN pg_class AS p ON p.oid = inhrelid
          WHERE inhparent = t.oid),
         '[]'
       ) AS partitions
FROM pg_partitioned_table AS s
JOIN pg_class AS t ON t.oid = s.partrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = s.partattrs[0]
WHERE s.partstrat = 'r' AND s.partnatts = 1 AND NOT t.relispartition
ORDER BY 1, 2
