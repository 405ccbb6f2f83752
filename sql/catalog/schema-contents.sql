-- Objects of the schemas $1, without those of extensions: type and identity for DROP.
SELECT n.nspname AS schema, object.type, object.identity
FROM pg_depend AS d
JOIN pg_namespace AS n ON n.oid = d.refobjid,
LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS object
WHERE d.refclassid = 'pg_namespace'::regclass
  AND n.nspname = ANY ($1)
  AND d.deptype = 'n'
  AND d.classid NOT IN ('pg_extension'::regclass, 'pg_default_acl'::regclass)
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype IN ('e', 'i')
  )
ORDER BY 1, 2, 3
