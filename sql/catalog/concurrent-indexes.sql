-- Indexes that a statement with CONCURRENTLY may have left invalid. $1 is the kind of object that it names: index, table, schema or
-- database, $2 its name, quoted as in SQL. With $3: the index of this name of the table, or the index $2 itself. Without: unfinished
-- indexes of REINDEX on the named tables, their partitions and TOAST tables.
WITH root AS (
  SELECT coalesce((SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = named.oid), named.oid) AS oid
  FROM (SELECT pg_catalog.to_regclass($2)::oid AS oid WHERE $1 IN ('index', 'table')) AS named
  UNION
  SELECT c.oid
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm')
    AND ($1 = 'database' OR ($1 = 'schema' AND pg_catalog.quote_ident(n.nspname) = $2))
),
part AS (
  SELECT oid FROM root
  UNION
  SELECT tree.relid::oid FROM root, LATERAL pg_catalog.pg_partition_tree(root.oid) AS tree
),
concerned AS (
  SELECT oid FROM part
  UNION
  SELECT reltoastrelid FROM part JOIN pg_catalog.pg_class USING (oid) WHERE reltoastrelid <> 0
)
SELECT n.nspname AS schema, c.relname AS name, i.indisvalid AS valid
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE i.indrelid IN (SELECT oid FROM concerned)
  AND CASE
    WHEN $3::text IS NULL THEN NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
    WHEN $1 = 'index' THEN c.oid = pg_catalog.to_regclass($2)
    ELSE c.relname = $3
  END
ORDER BY 1, 2
