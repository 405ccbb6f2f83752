-- Objects that the roles $1 own in this database, and shared objects; with the number of their sessions and default privileges here.
SELECT rolname AS role,
       coalesce(
         (SELECT json_agg(pg_describe_object(classid, objid, objsubid) ORDER BY classid, objid)
          FROM pg_shdepend
          WHERE refclassid = 'pg_authid'::regclass AND refobjid = r.oid AND deptype = 'o'
            AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
            AND classid <> 'pg_default_acl'::regclass),
         '[]'
       ) AS objects,
       (SELECT count(*) FROM pg_stat_activity WHERE usesysid = r.oid)::int AS sessions,
       (SELECT count(*) FROM pg_default_acl WHERE defaclrole = r.oid)::int AS defaults
FROM pg_roles AS r
WHERE rolname = ANY ($1)
ORDER BY 1
