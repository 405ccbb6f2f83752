-- Databases other than this one in which the role $1 owns objects or has privileges.
SELECT DISTINCT datname AS database, datallowconn AS "allowsConnections"
FROM pg_shdepend
JOIN pg_database AS d ON d.oid = dbid
WHERE refclassid = 'pg_authid'::regclass AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = $1)
  AND datname <> current_database()
ORDER BY 1
