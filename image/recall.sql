-- Measures the recall of a vector index: the share of the ten exact nearest neighbours of some rows that the index finds.
-- psql variable index: schema.name, quoted for SQL. Table, expression, condition and operator come from the catalog.
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
  -- Chosen by hash, so that each copy of the table gives the same rows.
  SELECT tableoid AS relation, ctid AS tuple, :vector AS probe
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
      WHERE (:condition) AND (tableoid, ctid) <> (pgwright_probes.relation, pgwright_probes.tuple)
      OFFSET 0 -- prevents the use of an index
    ) AS every
    ORDER BY every.far LIMIT 10
  ) AS nearest
) AS truth
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE near.far <= truth.farthest)::numeric AS neighbours
  FROM (
    SELECT :vector :distance pgwright_probes.probe AS far
    FROM :of_table
    WHERE (:condition) AND (tableoid, ctid) <> (pgwright_probes.relation, pgwright_probes.tuple)
    ORDER BY :vector :distance pgwright_probes.probe LIMIT 10
  ) AS near
) AS found \gset

-- No result without a scan of the index: another plan would find all neighbours.
SELECT :'recall'
FROM (SELECT :'index'::regclass UNION SELECT relid FROM pg_partition_tree(:'index')) AS used (index)
HAVING sum(pg_stat_get_xact_numscans(used.index)) > 0;
COMMIT;
