-- What of schema pgwright belongs to a role that is no superuser: the schema itself, or the first relation or routine.
SELECT f.object, pg_catalog.pg_get_userbyid(f.owner) AS owner
FROM (
  SELECT '' AS object, n.nspowner AS owner FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'pgwright'
  UNION ALL
  SELECT c.relname::text, c.relowner
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = 'pgwright' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL
  SELECT p.proname::text, p.proowner
  FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
  WHERE n.nspname = 'pgwright'
) AS f
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = f.owner AND r.rolsuper)
ORDER BY f.object
LIMIT 1
