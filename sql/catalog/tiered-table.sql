-- A tiered table as it is ($1 schema, $2 name), and what a configuration ($3) means: both spelled in the same way.
SELECT
  s.config,
  pgwright.tiers_complete($3::jsonb) AS meant,
  ARRAY(SELECT pgwright.tiers_problems(s)) AS problems
FROM pgwright.tiers_sets AS s
WHERE s.schema_name = $1 AND s.set_name = $2
