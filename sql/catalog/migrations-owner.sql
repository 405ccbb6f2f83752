-- Whether the ledger is there, and who owns its schema or the table, if that is no superuser.
SELECT c.oid IS NOT NULL AS relation,
       CASE WHEN NOT schema_owner.rolsuper THEN schema_owner.rolname END AS schema,
       CASE WHEN NOT table_owner.rolsuper THEN table_owner.rolname END AS owner,
       coalesce(c.relkind = 'r', true) AS plain
FROM pg_catalog.pg_namespace AS n
JOIN pg_catalog.pg_roles AS schema_owner ON schema_owner.oid = n.nspowner
LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'migrations'
LEFT JOIN pg_catalog.pg_roles AS table_owner ON table_owner.oid = c.relowner
WHERE n.nspname = 'pgwright'
