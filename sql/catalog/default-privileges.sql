-- What objects get that roles create from now on: for all schemas (schema is empty) and in single schemas. For the roles $1,
-- who are known to create objects, PostgreSQL's own default counts too, which gives EXECUTE on functions to PUBLIC; for all
-- others only what somebody has set.
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
       acl.privilege_type AS privilege, acl.is_grantable AS grantable
FROM entry, LATERAL aclexplode(entry.acl) AS acl
WHERE acl.grantee <> entry.role
  AND NOT (
    entry.schema = '' AND entry.code = 'f' AND acl.grantee = 0 AND NOT acl.is_grantable
    AND pg_get_userbyid(entry.role) <> ALL ($1)
  )
ORDER BY 1, 2, 3, 4, 5
