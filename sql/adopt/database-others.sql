-- Objects of a database that a stack file cannot declare, besides the contents of its schemas. `kind` is a key of adopt/others.ts.
SELECT 'publication' AS kind, pubname::text AS name
FROM pg_publication
UNION ALL
SELECT 'subscription', subname
FROM pg_subscription
WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
UNION ALL
SELECT 'foreign server', srvname
FROM pg_foreign_server
UNION ALL
SELECT 'event trigger', evtname
FROM pg_event_trigger AS t
WHERE NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_event_trigger'::regclass AND objid = t.oid AND deptype = 'e')
UNION ALL
SELECT 'large object with privileges', oid::text
FROM pg_largeobject_metadata
WHERE lomacl IS NOT NULL
UNION ALL
SELECT 'privilege on a type', format('%I.%I', nspname, typname)
FROM pg_type
JOIN pg_namespace AS n ON n.oid = typnamespace
WHERE typacl IS NOT NULL AND typacl <> acldefault('T', typowner)
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = pg_type.oid AND deptype = 'e')
UNION ALL
SELECT 'privilege on a language', lanname
FROM pg_language
WHERE lanacl IS NOT NULL AND lanacl <> acldefault('l', lanowner)
UNION ALL
SELECT 'default privilege',
       format(
         'on %s that %s creates%s', CASE defaclobjtype WHEN 'n' THEN 'schemas' ELSE 'types' END, pg_get_userbyid(defaclrole),
         coalesce(' in ' || (SELECT nspname FROM pg_namespace AS n WHERE n.oid = defaclnamespace), '')
       )
FROM pg_default_acl
WHERE defaclobjtype NOT IN ('r', 'S', 'f')
UNION ALL
SELECT 'security label', format('%s on %s', label, pg_describe_object(classoid, objoid, objsubid))
FROM pg_seclabel
UNION ALL
SELECT 'unlogged table', format('%I.%I', nspname, relname)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE relpersistence = 'u' AND relkind = 'r'
UNION ALL
SELECT 'owner of schema public', pg_get_userbyid(nspowner)
FROM pg_namespace
WHERE nspname = 'public' AND pg_get_userbyid(nspowner) <> 'pg_database_owner'
UNION ALL
SELECT 'library of a stack', nspname
FROM pg_namespace
WHERE nspname = 'pgwright'
ORDER BY 1, 2
