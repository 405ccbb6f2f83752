-- The steps of the next run of a set of partitions with the inputs $1, a row of pgwright.partition_sets as JSON.
SELECT action, partition, bound, row_count, pg_catalog.pg_size_pretty(bytes) AS size
FROM pgwright.partition_plan(pg_catalog.jsonb_populate_record(NULL::pgwright.partition_sets, $1::jsonb))
