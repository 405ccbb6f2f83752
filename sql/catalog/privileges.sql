-- Every privilege on the database, and on the objects of the schemas $1. One row a privilege; objects that nobody has a
-- privilege on have one row with a null grantee. A null ACL means PostgreSQL's default for the kind: acldefault knows it.
-- What belongs to an extension is left out: the extension decides about it. `target` is the object as GRANT names it.
WITH scope AS (
  SELECT oid, nspname, nspowner, nspacl
  FROM pg_namespace
  WHERE nspname = ANY ($1)
),
relation AS (
  SELECT c.oid, nspname, relname, relkind, relowner, relacl, format('%I.%I', nspname, relname) AS identity
  FROM pg_class AS c
  JOIN scope ON scope.oid = c.relnamespace
  WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND NOT EXISTS (
      SELECT FROM pg_depend
      WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e'
    )
),
object AS (
  SELECT 'database' AS kind, '' AS schema, datname::text AS name, NULL AS column_name, datdba AS owner,
         coalesce(datacl, acldefault('d', datdba)) AS acl, format('DATABASE %I', datname) AS target
  FROM pg_database
  WHERE datname = current_database()
  UNION ALL
  SELECT 'schema', nspname, nspname, NULL, nspowner, coalesce(nspacl, acldefault('n', nspowner)), format('SCHEMA %I', nspname)
  FROM scope
  UNION ALL
  SELECT 'foreign data wrapper', '', fdwname, NULL, fdwowner, coalesce(fdwacl, acldefault('F', fdwowner)),
         format('FOREIGN DATA WRAPPER %I', fdwname)
  FROM pg_foreign_data_wrapper
  UNION ALL
  SELECT 'foreign server', '', srvname, NULL, srvowner, coalesce(srvacl, acldefault('S', srvowner)),
         format('FOREIGN SERVER %I', srvname)
  FROM pg_foreign_server
  UNION ALL
  SELECT kind, nspname, relname, NULL, relowner,
         coalesce(relacl, acldefault(CASE kind WHEN 'sequence' THEN 's'::"char" ELSE 'r'::"char" END, relowner)),
         upper(kind) || ' ' || identity
  FROM relation, LATERAL (SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind) AS kind
  UNION ALL
  SELECT 'column', nspname, relname, attname, relowner, attacl, 'TABLE ' || identity
  FROM pg_attribute
  JOIN relation ON relation.oid = attrelid
  WHERE attacl IS NOT NULL AND NOT attisdropped
  UNION ALL
  SELECT 'function', nspname, format('%s(%s)', proname, args), NULL, proowner, coalesce(proacl, acldefault('f', proowner)),
         format('ROUTINE %I.%I(%s)', nspname, proname, args)
  FROM pg_proc AS p
  JOIN scope ON scope.oid = p.pronamespace,
  LATERAL (SELECT oidvectortypes(proargtypes) AS args) AS args
  WHERE NOT EXISTS (
    SELECT FROM pg_depend
    WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e'
  )
)
SELECT kind, schema, name, column_name AS "column", pg_get_userbyid(owner) AS owner, target,
       CASE WHEN entry.grantee = 0 THEN 'public' ELSE pg_get_userbyid(entry.grantee) END AS grantee,
       entry.privilege_type AS privilege, bool_or(entry.is_grantable) AS grantable,
       coalesce(json_agg(DISTINCT pg_get_userbyid(entry.grantor)) FILTER (WHERE entry.grantor <> object.owner), '[]') AS grantors
FROM object
LEFT JOIN LATERAL aclexplode(acl) AS entry ON entry.grantee <> object.owner
GROUP BY kind, schema, name, column_name, object.owner, target, entry.grantee, entry.privilege_type
ORDER BY kind, schema, name, column_name, grantee, privilege
