-- Objects of the server that a stack file cannot declare. `kind` is a key of adopt/others.ts, which says what happens to them.
SELECT 'tablespace' AS kind, spcname AS name
FROM pg_tablespace
WHERE oid >= 16384
UNION ALL
SELECT 'replication slot', slot_name
FROM pg_replication_slots
WHERE NOT temporary
UNION ALL
SELECT 'setting of all roles', setting
FROM pg_db_role_setting, unnest(setconfig) AS setting
WHERE setrole = 0 AND setdatabase = 0
UNION ALL
SELECT 'privilege on a parameter', format('%s on %s for %s', acl.privilege_type, parname, pg_get_userbyid(acl.grantee))
FROM pg_parameter_acl, LATERAL aclexplode(paracl) AS acl
WHERE acl.grantee <> 10
UNION ALL
SELECT 'security label', format('%s %s', objtype, label)
FROM (
  SELECT 'role or database' AS objtype, label FROM pg_shseclabel
) AS labels
ORDER BY 1, 2
