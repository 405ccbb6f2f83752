-- What the roles $1 own in this database (and of what all databases share), in words.
SELECT pg_get_userbyid(refobjid) AS role,
       string_agg(pg_describe_object(classid, objid, objsubid), ', ' ORDER BY 1) AS objects
FROM pg_shdepend
WHERE refclassid = 'pg_authid'::regclass
  AND deptype = 'o'
  AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  AND pg_get_userbyid(refobjid)::text = ANY ($1)
GROUP BY 1
