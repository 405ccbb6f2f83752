-- The tables that an UPDATE of table $1 (quoted as in SQL) reads: itself and, unless $2 (ONLY), its partitions and descendants.
-- With blocks, and rows per block; null before the first VACUUM or ANALYZE.
WITH RECURSIVE part AS (
  SELECT $1::regclass::oid AS oid
  UNION
  SELECT inhrelid FROM part JOIN pg_inherits ON inhparent = part.oid WHERE NOT $2
)
SELECT oid::regclass::text AS name, relkind AS kind, (pg_relation_size(oid) / current_setting('block_size')::int)::int8::float8 AS blocks,
       CASE WHEN reltuples > 0 AND relpages > 0 THEN reltuples::float8 / relpages END AS density
FROM part
JOIN pg_class AS c USING (oid)
WHERE relkind <> 'p'
