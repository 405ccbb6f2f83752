-- Partitions of a tiered table ($1 schema, $2 name) of which all rows are older than $3, oldest first.
SELECT
  p.relation::text AS partition,
  greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)::bigint::text AS row_count,
  pg_size_pretty(pg_total_relation_size(c.oid)) AS size
FROM unnest(ARRAY['_wa_partition', '_partition', '_spill']) AS x (suffix)
CROSS JOIN LATERAL pgwright.tiers_partitions(to_regclass(format('%I.%I', $1::text, $2::text || x.suffix))) AS p
JOIN pg_catalog.pg_class AS c ON c.oid = p.relation
WHERE p.upper_bound <= pgwright.tiers_before(now(), $3::interval)
ORDER BY p.upper_bound, 1
