-- Invalid indexes that a failed REINDEX CONCURRENTLY left on the table of the index $1.
SELECT n.nspname AS schema, c.relname AS name
FROM pg_catalog.pg_index AS x
JOIN pg_catalog.pg_index AS l ON l.indrelid = x.indrelid AND NOT l.indisvalid
JOIN pg_catalog.pg_class AS c ON c.oid = l.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE x.indexrelid = pg_catalog.to_regclass($1) AND c.relname ~ '_cc(new|old)[0-9]*$'
