-- The extensions of a database besides plpgsql.
SELECT extname AS name, nspname AS schema, extversion AS version
FROM pg_extension AS e
JOIN pg_namespace AS n ON n.oid = extnamespace
WHERE e.oid >= 16384 AND nspname <> 'pgwright'
ORDER BY extname
