-- Every privilege on the database, and on the objects of the schemas $1. One row a privilege; objects that nobody has a
-- privilege on have one row with a null grantee. A null ACL means PostgreSQL's default for the kind: acldefault knows it.
-- What belongs to an extension is left out: the extension decides about it.
WITH scope AS (
  SELECT oid, nspname, nspowner, nspacl
  FROM pg_namespace
  WHERE nspname = ANY ($1)
),
object AS (
  SELECT 'database' AS kind, '' AS schema, datname::text AS name, datdba AS owner,
         coalesce(datacl, acldefault('d', datdba)) AS acl
  FROM pg_database
  WHERE datname = current_database()
  UNION ALL
  SELECT 'schema', nspname, nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner))
  FROM scope
  UNION ALL
  SELECT 'foreign data wrapper', '', fdwname, fdwowner, coalesce(fdwacl, acldefault('F', fdwowner))
  FROM pg_foreign_data_wrapper
  UNION ALL
  SELECT 'foreign server', '', srvname, srvowner, coalesce(srvacl, acldefault('S', srvowner))
  FROM pg_foreign_server
  UNION ALL
  SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, nspname, relname, relowner,
         coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, relowner))
  FROM pg_class AS c
  JOIN scope ON scope.oid = c.relnamespace
  WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND NOT EXISTS (
      SELECT FROM pg_depend
      WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e'
    )
  UNION ALL
  SELECT 'column', nspname, relname || '.' || attname, relowner, attacl
  FROM pg_attribute
  JOIN pg_class AS c ON c.oid = attrelid
  JOIN scope ON scope.oid = c.relnamespace
  WHERE attacl IS NOT NULL AND NOT attisdropped
  UNION ALL
  SELECT 'function', nspname, proname || '(' || oidvectortypes(proargtypes) || ')', proowner,
         coalesce(proacl, acldefault('f', proowner))
  FROM pg_proc AS p
  JOIN scope ON scope.oid = p.pronamespace
  WHERE NOT EXISTS (
    SELECT FROM pg_depend
    WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e'
  )
)
SELECT kind, schema, name, pg_get_userbyid(owner) AS owner,
       CASE WHEN entry.grantee = 0 THEN 'public' ELSE pg_get_userbyid(entry.grantee) END AS grantee,
       entry.privilege_type AS privilege, entry.is_grantable AS grantable
FROM object
LEFT JOIN LATERAL aclexplode(acl) AS entry ON entry.grantee <> object.owner
ORDER BY kind, schema, name, grantee, privilege
