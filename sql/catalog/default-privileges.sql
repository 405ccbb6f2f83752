-- Default privileges: in all schemas (schema is empty) and in single schemas. For the roles $1, the declared creators of objects,
-- PostgreSQL's own defaults are included, such as EXECUTE on functions for PUBLIC; for other roles only those set by ALTER DEFAULT
-- PRIVILEGES. A default privilege that was revoked from the creator itself has a row too.
WITH entry AS (
  SELECT creator.oid AS role, '' AS schema, kind.code,
         coalesce(
           (SELECT defaclacl FROM pg_default_acl
            WHERE defaclrole = creator.oid AND defaclnamespace = 0 AND defaclobjtype = kind.code),
           acldefault(CASE kind.code WHEN 'S' THEN 's'::"char" ELSE kind.code END, creator.oid)
         ) AS acl
  FROM pg_roles AS creator
  CROSS JOIN (VALUES ('r'::"char"), ('S'::"char"), ('f'::"char")) AS kind (code)
  WHERE creator.rolname = ANY ($1)
  UNION ALL
  SELECT defaclrole, coalesce(nspname, ''), defaclobjtype, defaclacl
  FROM pg_default_acl
  LEFT JOIN pg_namespace AS n ON n.oid = defaclnamespace
  WHERE defaclobjtype IN ('r', 'S', 'f')
    AND (defaclnamespace <> 0 OR pg_get_userbyid(defaclrole) <> ALL ($1))
)
SELECT pg_get_userbyid(entry.role) AS creator, entry.schema,
       CASE entry.code WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' ELSE 'function' END AS kind,
       CASE WHEN acl.grantee = 0 THEN 'public' ELSE pg_get_userbyid(acl.grantee) END AS grantee,
       acl.privilege_type AS privilege, acl.is_grantable AS grantable, acl.revoked
FROM entry,
LATERAL (
  SELECT grantee, privilege_type, is_grantable, false AS revoked
  FROM aclexplode(entry.acl)
  WHERE grantee <> entry.role
  UNION ALL
  SELECT grantee, privilege_type, false, true
  FROM aclexplode(acldefault(CASE entry.code WHEN 'S' THEN 's'::"char" ELSE entry.code END, entry.role)) AS own
  WHERE grantee = entry.role AND entry.schema = '' AND NOT EXISTS (
    SELECT FROM aclexplode(entry.acl) AS held
    WHERE held.grantee = entry.role AND held.privilege_type = own.privilege_type
  )
) AS acl
WHERE NOT (
  entry.schema = '' AND entry.code = 'f' AND acl.grantee = 0 AND NOT acl.is_grantable
  AND pg_get_userbyid(entry.role) <> ALL ($1)
)
ORDER BY 1, 2, 3, 4, 5
