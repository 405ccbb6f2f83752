-- What the database that is asked has beside what is declared: schemas ($1) and extensions ($2).
WITH made_by_extensions AS (
  SELECT objid FROM pg_catalog.pg_depend
  WHERE classid = 'pg_catalog.pg_namespace'::regclass AND refclassid = 'pg_catalog.pg_extension'::regclass AND deptype = 'e'
)

SELECT
  'Schema' AS kind,
  n.nspname AS name,
  'tables and views: ' || (
    SELECT count(*) FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  ) AS what
FROM pg_catalog.pg_namespace AS n
WHERE n.oid >= 16384 AND n.nspname <> ALL ($1::text[])
  -- Of sessions with temporary tables, and of the libraries.
  AND n.nspname !~ '^pg_(toast_)?temp_' AND n.nspname <> 'pgwright'
  AND n.oid NOT IN (SELECT objid FROM made_by_extensions)
UNION ALL
SELECT 'Extension', e.extname, e.extversion
FROM pg_catalog.pg_extension AS e
WHERE e.oid >= 16384 AND e.extname <> ALL ($2::text[])
  AND e.extnamespace <> coalesce(to_regnamespace('pgwright')::oid, 0)
ORDER BY 1, 2
