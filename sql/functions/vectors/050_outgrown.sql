-- Parts of an ivfflat index that were built with few or none of today's rows: the lists belong to centres of the rows at the build.
-- A part that PostgreSQL created with its partition has no record: it had no rows. Other indexes without a record are ignored.
CREATE OR REPLACE FUNCTION pgwright.vector_outgrown(p_index oid)
RETURNS TABLE (part text, built bigint, rows bigint)
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT i.oid::regclass::text, coalesce(b.row_count, 0), round(e.rows)::bigint
  FROM unnest(pgwright.vector_relations(p_index)) AS r (oid)
  JOIN pg_catalog.pg_class AS i ON i.oid = r.oid AND i.relkind = 'i'
  JOIN pg_catalog.pg_am AS m ON m.oid = i.relam AND m.amname = 'ivfflat'
  JOIN pg_catalog.pg_index AS x ON x.indexrelid = i.oid AND x.indisvalid
  JOIN pg_catalog.pg_class AS t ON t.oid = x.indrelid
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.oid AND a.attnum = 1
  LEFT JOIN pgwright.vector_builds AS b ON b.index_oid = i.oid
  CROSS JOIN LATERAL (
    -- Estimated rows, like the planner: by the current size; for a table that was never analyzed, by the size of a vector.
    SELECT CASE
      WHEN x.indpred IS NOT NULL THEN i.reltuples
      WHEN t.reltuples > 0 AND t.relpages > 0
        THEN t.reltuples * pg_catalog.pg_relation_size(t.oid) / (t.relpages * pg_catalog.current_setting('block_size')::float8)
      WHEN t.reltuples < 0 THEN pg_catalog.pg_table_size(t.oid) / (60 + 4.0 * greatest(a.atttypmod, 1))
      ELSE 0
    END
  ) AS e (rows)
  WHERE (b.index_oid IS NOT NULL OR i.relispartition)
    AND e.rows >= greatest(
      coalesce((SELECT split_part(o, '=', 2)::int FROM unnest(i.reloptions) AS o WHERE o LIKE 'lists=%'), 100),
      10 * coalesce(b.row_count, 0)
    )
  ORDER BY 1
$$;
