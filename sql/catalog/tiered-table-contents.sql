-- What the tables of a tiered table hold ($1 schema, $2 name).
SELECT
  coalesce(sum(greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)), 0)::bigint::text AS row_count,
  pg_size_pretty(coalesce(sum(pg_total_relation_size(c.oid)), 0)) AS size
FROM unnest(ARRAY['_wa', '_wa_partition', '_partition', '_spill']) AS x (suffix)
CROSS JOIN LATERAL pg_catalog.to_regclass(format('%I.%I', $1::text, $2::text || x.suffix)) AS parent
JOIN pg_catalog.pg_class AS c
  ON c.oid = parent OR c.oid IN (SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = parent)
WHERE c.relkind = 'r'
