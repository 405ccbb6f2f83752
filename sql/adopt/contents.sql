-- Number of tables, views and routines of a database that belong to no extension.
SELECT count(*)::int AS objects
FROM (
  SELECT c.oid, 'pg_class'::regclass AS class FROM pg_class AS c WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid >= 16384
  UNION ALL
  SELECT p.oid, 'pg_proc'::regclass FROM pg_proc AS p WHERE p.oid >= 16384
) AS object
WHERE NOT EXISTS (SELECT FROM pg_depend WHERE classid = class AND objid = object.oid AND deptype = 'e')
  AND NOT EXISTS (
    SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE class = 'pg_class'::regclass AND c.oid = object.oid AND nspname ~ '^pg_'
  )
