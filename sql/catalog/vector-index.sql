-- What has a name: $1 its schema, $2 its name. An index is returned as it is; anything else has no method.
SELECT
  i.oid::integer AS oid,
  tn.nspname AS "tableSchema",
  t.relname AS "tableName",
  m.amname AS method,
  coalesce(i.reloptions, '{}') AS options,
  pg_get_indexdef(x.indexrelid, 1, false) AS indexed,
  o.opcname AS "opclass",
  x.indnatts AS columns,
  pg_get_expr(x.indpred, x.indrelid) AS condition,
  x.indisvalid AS valid,
  i.relkind = 'I' AS partitioned,
  EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.oid) AS "ofConstraint"
FROM pg_class AS i
JOIN pg_namespace AS n ON n.oid = i.relnamespace
LEFT JOIN pg_index AS x ON x.indexrelid = i.oid
LEFT JOIN pg_class AS t ON t.oid = x.indrelid
LEFT JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
LEFT JOIN pg_am AS m ON m.oid = i.relam AND x.indexrelid IS NOT NULL
LEFT JOIN pg_opclass AS o ON o.oid = x.indclass[0]
WHERE n.nspname = $1 AND i.relname = $2
