-- Objects and privileges in this database that prevent DROP ROLE of $1.
SELECT pg_describe_object(classid, objid, objsubid)
         || CASE deptype WHEN 'o' THEN ' (owner)' WHEN 'r' THEN ' (policy)' ELSE ' (privileges)' END AS what
FROM pg_shdepend
WHERE refclassid = 'pg_authid'::regclass AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = $1)
  AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1
