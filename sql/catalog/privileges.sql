-- Privileges on the database and on the objects of the schemas $1. One row per privilege, also for one that was revoked from the
-- owner; an object without privileges of other roles has one row with a null grantee. A null ACL stands for the defaults of
-- acldefault.
-- Objects of extensions are included only if $2 names them (kind, schema and name, separated by spaces).
-- `target` is the object as in GRANT, `parent` the root table of a partition.
WITH scope AS (
  SELECT oid, nspname, nspowner, nspacl
  FROM pg_namespace
  WHERE nspname = ANY ($1)
),
relation AS (
  SELECT c.oid, nspname, relname, relkind, relowner, relacl, format('%I.%I', nspname, relname) AS identity,
         CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind, member,
         CASE WHEN relispartition THEN (
           SELECT jsonb_build_object('schema', root_schema.nspname, 'name', root.relname)
           FROM pg_class AS root
           JOIN pg_namespace AS root_schema ON root_schema.oid = root.relnamespace
           WHERE root.oid = pg_partition_root(c.oid)
         ) END AS parent
  FROM pg_class AS c
  JOIN scope ON scope.oid = c.relnamespace,
  LATERAL (
    SELECT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e') AS member
  ) AS extension
  WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
),
routine AS (
  SELECT nspname, format('%s(%s)', proname, args) AS name, proowner, proacl,
         format('ROUTINE %I.%I(%s)', nspname, proname, args) AS target, member
  FROM pg_proc AS p
  JOIN scope ON scope.oid = p.pronamespace,
  LATERAL (
    SELECT oidvectortypes(proargtypes) AS args,
           EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e') AS member
  ) AS extension
),
object AS (
  SELECT 'database' AS kind, 'd'::"char" AS code, '' AS schema, datname::text AS name, NULL AS column_name, datdba AS owner,
         datacl AS acl, format('DATABASE %I', datname) AS target, false AS member, NULL::jsonb AS parent
  FROM pg_database
  WHERE datname = current_database()
  UNION ALL
  SELECT 'schema', 'n', nspname, nspname, NULL, nspowner, nspacl, format('SCHEMA %I', nspname), false, NULL
  FROM scope
  UNION ALL
  SELECT 'foreign data wrapper', 'F', '', fdwname, NULL, fdwowner, fdwacl, format('FOREIGN DATA WRAPPER %I', fdwname), false, NULL
  FROM pg_foreign_data_wrapper
  UNION ALL
  SELECT 'foreign server', 'S', '', srvname, NULL, srvowner, srvacl, format('FOREIGN SERVER %I', srvname), false, NULL
  FROM pg_foreign_server
  UNION ALL
  SELECT kind, CASE kind WHEN 'sequence' THEN 's'::"char" ELSE 'r'::"char" END, nspname, relname, NULL, relowner, relacl,
         upper(kind) || ' ' || identity, member, parent
  FROM relation
  UNION ALL
  SELECT 'column', 'c', nspname, relname, attname, relowner, attacl, 'TABLE ' || identity, member, parent
  FROM pg_attribute
  JOIN relation ON relation.oid = attrelid
  WHERE attacl IS NOT NULL AND NOT attisdropped
  UNION ALL
  SELECT 'function', 'f', nspname, name, NULL, proowner, proacl, target, member, NULL
  FROM routine
)
SELECT kind, schema, name, column_name AS "column", pg_get_userbyid(owner) AS owner, target, member AS "ofExtension", parent,
       CASE WHEN entry.grantee = 0 THEN 'public' ELSE pg_get_userbyid(entry.grantee) END AS grantee,
       entry.privilege_type AS privilege, bool_or(entry.is_grantable) AS grantable, coalesce(entry.revoked, false) AS revoked,
       coalesce(json_agg(DISTINCT pg_get_userbyid(entry.grantor)) FILTER (WHERE entry.grantor <> object.owner), '[]') AS grantors
FROM object
CROSS JOIN LATERAL (SELECT acldefault(code, owner) AS usual) AS usual
LEFT JOIN LATERAL (
  SELECT grantee, privilege_type, is_grantable, grantor, false AS revoked
  FROM aclexplode(coalesce(acl, usual))
  WHERE grantee <> owner
  UNION ALL
  SELECT grantee, privilege_type, false, grantor, true
  FROM aclexplode(usual) AS own
  WHERE grantee = owner AND NOT member AND NOT EXISTS (
    SELECT FROM aclexplode(coalesce(acl, usual)) AS held
    WHERE held.grantee = owner AND held.privilege_type = own.privilege_type
  )
) AS entry ON true
WHERE NOT member OR concat_ws(' ', kind, schema, name) = ANY ($2)
GROUP BY kind, schema, name, column_name, object.owner, target, member, parent, entry.grantee, entry.privilege_type, entry.revoked
ORDER BY kind, schema, name, column_name, grantee, privilege
