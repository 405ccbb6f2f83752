-- What objects get that the roles $1 create from now on: for all schemas (schema is empty) and in single schemas.
-- Without an entry for all schemas PostgreSQL's own default holds, which gives EXECUTE on functions to PUBLIC.
WITH creator AS (
  SELECT oid, rolname FROM pg_roles WHERE rolname = ANY ($1)
),
entry AS (
  SELECT creator.oid AS role, creator.rolname, '' AS schema, kind.code,
         coalesce(
           (SELECT defaclacl FROM pg_default_acl
            WHERE defaclrole = creator.oid AND defaclnamespace = 0 AND defaclobjtype = kind.code),
           acldefault(CASE kind.code WHEN 'S' THEN 's'::"char" ELSE kind.code END, creator.oid)
         ) AS acl
  FROM creator
  CROSS JOIN (VALUES ('r'::"char"), ('S'::"char"), ('f'::"char")) AS kind (code)
  UNION ALL
  SELECT creator.oid, creator.rolname, nspname, defaclobjtype, defaclacl
  FROM pg_default_acl
  JOIN creator ON creator.oid = defaclrole
  JOIN pg_namespace AS n ON n.oid = defaclnamespace
  WHERE defaclobjtype IN ('r', 'S', 'f')
)
SELECT entry.rolname AS creator, entry.schema,
       CASE entry.code WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' ELSE 'function' END AS kind,
       CASE WHEN acl.grantee = 0 THEN 'public' ELSE pg_get_userbyid(acl.grantee) END AS grantee,
       acl.privilege_type AS privilege, acl.is_grantable AS grantable
FROM entry, LATERAL aclexplode(entry.acl) AS acl
WHERE acl.grantee <> entry.role
ORDER BY 1, 2, 3, 4, 5
