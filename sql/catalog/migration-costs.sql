-- Facts of the catalog about tables (or tables of indexes) $1, types $2, functions $3 and schemas $4, quoted as in SQL, in one row;
-- $3 are lists of parts as JSON. Sizes of a table include its partitions and descendants. Rows are estimated as by the planner: null
-- before the first VACUUM or ANALYZE.
WITH RECURSIVE
named AS (
  SELECT name, coalesce((SELECT indrelid FROM pg_index WHERE indexrelid = found.oid), found.oid) AS oid
  FROM unnest($1::text[]) AS name, LATERAL (SELECT to_regclass(name)::oid AS oid) AS found
  WHERE found.oid IS NOT NULL
),
-- Tables that are locked or scanned too: the partitioned table of a partition, and the DEFAULT partition of a table.
along AS (
  SELECT inhparent AS oid FROM named JOIN pg_inherits ON inhrelid = named.oid
  UNION
  SELECT partdefid FROM named JOIN pg_partitioned_table ON partrelid = named.oid WHERE partdefid <> 0
),
subject AS (
  SELECT name, oid FROM named
  UNION
  SELECT format('%I.%I', nspname, relname), c.oid
  FROM along
  JOIN pg_class AS c USING (oid)
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
),
within AS (
  SELECT subject.oid AS root, subject.oid FROM subject
  UNION
  SELECT c.oid, c.oid
  FROM pg_namespace AS n
  JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'm')
  WHERE nspname = ANY ($4)
  UNION
  SELECT root, inhrelid FROM within JOIN pg_inherits ON inhparent = within.oid
),
storage AS (
  SELECT c.oid, pg_total_relation_size(c.oid) AS bytes, heap,
         CASE
           WHEN heap = 0 THEN 0
           WHEN reltuples >= 0 AND relpages > 0
             THEN reltuples::float8 / relpages * (heap / current_setting('block_size')::int)
         END AS rows
  FROM (SELECT DISTINCT oid FROM within) AS one
  JOIN pg_class AS c USING (oid),
  LATERAL (SELECT pg_relation_size(c.oid) AS heap) AS heap
  WHERE relkind IN ('r', 'm')
),
size AS (
  SELECT root, pg_size_pretty(sum(bytes)) AS size, sum(heap) = 0 AS empty,
         CASE WHEN count(*) = count(rows) THEN round(sum(rows)) END AS rows
  FROM within
  JOIN storage USING (oid)
  GROUP BY root
),
relation AS (
  SELECT subject.name,
         json_build_object(
           'kind', relkind, 'size', size.size, 'rows', size.rows, 'empty', coalesce(size.empty, true), 'logged', relpersistence <> 'u',
           'tablespace', coalesce(
             (SELECT spcname FROM pg_tablespace AS s WHERE s.oid = reltablespace),
             (SELECT spcname FROM pg_database JOIN pg_tablespace AS s ON s.oid = dattablespace WHERE datname = current_database())
           ),
           'method', (SELECT amname FROM pg_am WHERE pg_am.oid = relam),
           'partitionOf', (
             SELECT other.name FROM pg_inherits JOIN subject AS other ON other.oid = inhparent
             WHERE inhrelid = c.oid AND relispartition
             LIMIT 1
           ),
           'remainder', (
             SELECT other.name FROM pg_partitioned_table JOIN subject AS other ON other.oid = partdefid
             WHERE partrelid = c.oid
             LIMIT 1
           ),
           'checks', (
             SELECT coalesce(json_agg(json_build_object('name', conname, 'expression', pg_get_expr(conbin, c.oid), 'valid', convalidated)), '[]')
             FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c'
           ),
           'columns', (
             SELECT coalesce(
                      json_object_agg(
                        attname,
                        json_build_object(
                          'type', atttypid::int8, 'base', CASE typtype WHEN 'd' THEN typbasetype ELSE atttypid END::int8,
                          'typmod', CASE typtype WHEN 'd' THEN typtypmod ELSE atttypmod END, 'notNull', attnotnull,
                          'checked', EXISTS (
                            SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c' AND attnum = ANY (conkey)
                          ),
                          'unique', EXISTS (
                            SELECT FROM pg_index
                            WHERE indrelid = c.oid AND indisunique AND indisvalid AND indpred IS NULL AND indkey::text = attnum::text
                          )
                        )
                      ),
                      '{}'
                    )
             FROM pg_attribute
             JOIN pg_type AS t ON t.oid = atttypid
             WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
           )
         ) AS fact
  FROM subject
  JOIN pg_class AS c USING (oid)
  LEFT JOIN size ON size.root = c.oid
),
type AS (
  SELECT written, t.oid, CASE typtype WHEN 'd' THEN typtypmod ELSE to_regtypemod(written) END AS typmod, typcategory = 'A' AS is_array,
         CASE typtype WHEN 'd' THEN typbasetype ELSE t.oid END AS base,
         typtype = 'd' AND (
           typnotnull OR EXISTS (SELECT FROM pg_constraint WHERE contypid = t.oid)
           OR (SELECT typtype = 'd' FROM pg_type AS deeper WHERE deeper.oid = t.typbasetype)
         ) AS checked
  FROM unnest($2::text[]) AS written
  JOIN pg_type AS t ON t.oid = to_regtype(written)
)
SELECT current_setting('TimeZone') AS "timeZone",
       (SELECT coalesce(json_object_agg(name, fact), '{}') FROM relation) AS tables,
       (SELECT coalesce(
                 json_object_agg(
                   written,
                   json_build_object('type', oid::int8, 'base', base::int8, 'typmod', typmod, 'array', is_array, 'checked', checked)
                 ),
                 '{}'
               )
        FROM type) AS types,
       (SELECT coalesce(json_agg(castsource::int8 || '>' || casttarget::int8), '[]')
        FROM pg_cast WHERE castmethod = 'b' AND casttarget IN (SELECT base FROM type)) AS "binaryCasts",
       (SELECT coalesce(json_object_agg(parts, volatility), '{}')
        FROM (SELECT parts::text, json_agg(DISTINCT provolatile) AS volatility
              FROM unnest($3::text[]) AS parts
              JOIN pg_proc ON proname = parts::json ->> -1
              JOIN pg_namespace AS n ON n.oid = pronamespace
                AND nspname = CASE json_array_length(parts::json) WHEN 1 THEN 'pg_catalog' ELSE parts::json ->> -2 END
              GROUP BY parts) AS function) AS functions,
       (SELECT coalesce(json_object_agg(nspname, fact), '{}')
        FROM (SELECT nspname,
                     json_build_object(
                       'tables', count(*), 'size', pg_size_pretty(sum(bytes)), 'empty', sum(heap) = 0,
                       'rows', CASE WHEN count(*) = count(rows) THEN round(sum(rows)) END
                     ) AS fact
              FROM pg_namespace AS n
              JOIN pg_class AS c ON c.relnamespace = n.oid
              JOIN storage ON storage.oid = c.oid
              WHERE nspname = ANY ($4)
              GROUP BY nspname) AS schema) AS schemas
