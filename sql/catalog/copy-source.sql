-- The database $1, of which a copy is to be made.
SELECT pg_catalog.pg_size_pretty(pg_catalog.pg_database_size(d.oid)) AS size, d.datallowconn AS "allowsConnections",
       r.rolname AS owner, r.rolsuper AS "ownerIsSuperuser"
FROM pg_catalog.pg_database AS d
JOIN pg_catalog.pg_roles AS r ON r.oid = d.datdba
WHERE d.datname = $1
