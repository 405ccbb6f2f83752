-- What in this database keeps the role $1 from being dropped, in words.
SELECT pg_describe_object(classid, objid, objsubid)
         || CASE deptype WHEN 'o' THEN ' (owner)' WHEN 'r' THEN ' (policy)' ELSE ' (privileges)' END AS what
FROM pg_shdepend
WHERE refclassid = 'pg_authid'::regclass AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = $1)
  AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1
