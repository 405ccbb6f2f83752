-- How much of the truth a vector index finds: the share of the ten nearest neighbours of some rows, beside the exact ones.
-- psql variable index: schema.name as SQL takes it. What an index is made of is read from the catalog.
BEGIN READ ONLY;
SET LOCAL enable_seqscan = off;
SELECT
  i.indrelid::regclass AS of_table,
  pg_get_indexdef(i.indexrelid, 1, false) AS vector,
  coalesce(pg_get_expr(i.indpred, i.indrelid), 'true') AS condition,
  format('OPERATOR(%I.%s)', n.nspname, o.oprname) AS distance
FROM pg_index AS i
JOIN pg_opclass AS c ON c.oid = i.indclass[0]
JOIN pg_amop AS a ON a.amopfamily = c.opcfamily AND a.amoplefttype = c.opcintype AND a.amoppurpose = 'o'
JOIN pg_operator AS o ON o.oid = a.amopopr
JOIN pg_namespace AS n ON n.oid = o.oprnamespace
WHERE i.indexrelid = :'index'::regclass \gset

WITH pgwright_probes AS (
  -- The same rows in each copy of the table.
  SELECT tableoid AS relation, ctid AS place, :vector AS probe
  FROM :of_table
  WHERE (:condition) AND :vector IS NOT NULL
  ORDER BY md5(tableoid::text || ctid::text)
  LIMIT 20
)
SELECT coalesce(round(avg(found.neighbours / nullif(truth.neighbours, 0)), 4)::text, 'there are no rows') AS recall
FROM pgwright_probes
CROSS JOIN LATERAL (
  SELECT max(nearest.far) AS farthest, count(*)::numeric AS neighbours
  FROM (
    SELECT every.far FROM (
      SELECT :vector :distance pgwright_probes.probe AS far
      FROM :of_table
      WHERE (:condition) AND (tableoid, ctid) <> (pgwright_probes.relation, pgwright_probes.place)
      OFFSET 0 -- no index is used
    ) AS every
    ORDER BY every.far LIMIT 10
  ) AS nearest
) AS truth
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE near.far <= truth.farthest)::numeric AS neighbours
  FROM (
    SELECT :vector :distance pgwright_probes.probe AS far
    FROM :of_table
    WHERE (:condition) AND (tableoid, ctid) <> (pgwright_probes.relation, pgwright_probes.place)
    ORDER BY :vector :distance pgwright_probes.probe LIMIT 10
  ) AS near
) AS found \gset

-- A plan without the index would find everything.
SELECT :'recall'
FROM (SELECT :'index'::regclass UNION SELECT relid FROM pg_partition_tree(:'index')) AS used (index)
HAVING sum(pg_stat_get_xact_numscans(used.index)) > 0;
COMMIT;
