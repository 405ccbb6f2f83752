-- The schemas of a database, without those of PostgreSQL, sessions, extensions and pgwright.
SELECT nspname AS name, pg_get_userbyid(nspowner) AS owner
FROM pg_namespace AS n
WHERE n.oid >= 16384 AND nspname !~ '^pg_' AND nspname NOT IN ('pgwright', 'public')
  AND NOT EXISTS (
    SELECT FROM pg_depend
    WHERE classid = 'pg_namespace'::regclass AND objid = n.oid AND deptype = 'e'
  )
ORDER BY nspname
