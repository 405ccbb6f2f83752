-- An index as it is: $1 its schema, $2 its name.
SELECT
  format('%I.%I', tn.nspname, t.relname) AS "table",
  m.amname AS method,
  coalesce(i.reloptions, '{}') AS options,
  pg_get_indexdef(x.indexrelid, 1, false) AS indexed,
  o.opcname AS "opclass",
  x.indnatts AS columns,
  pg_get_expr(x.indpred, x.indrelid) AS condition,
  x.indisvalid AS valid,
  i.relkind = 'I' AS partitioned
FROM pg_class AS i
JOIN pg_namespace AS n ON n.oid = i.relnamespace
JOIN pg_index AS x ON x.indexrelid = i.oid
JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
JOIN pg_am AS m ON m.oid = i.relam
JOIN pg_opclass AS o ON o.oid = x.indclass[0]
WHERE n.nspname = $1 AND i.relname = $2
