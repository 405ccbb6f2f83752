-- Privileges of the role $1, which runs migrations, to use files and programs of the server.
SELECT rolsuper AS superuser,
       pg_catalog.pg_has_role(oid, 'pg_read_server_files', 'USAGE') AS reads,
       pg_catalog.pg_has_role(oid, 'pg_write_server_files', 'USAGE') AS writes,
       pg_catalog.pg_has_role(oid, 'pg_execute_server_program', 'USAGE') AS runs
FROM pg_catalog.pg_roles
WHERE rolname = $1
