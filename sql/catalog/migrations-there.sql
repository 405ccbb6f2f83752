-- The relation with the name of the ledger, if there is one, and whether it is an ordinary table.
SELECT c.relkind = 'r' AS plain
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'pgwright' AND c.relname = 'migrations'
