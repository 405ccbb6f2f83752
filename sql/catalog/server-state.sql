-- What the running server has loaded. $1: the parameter with the id of its configuration. alterSystem: parameters of ALTER SYSTEM.
SELECT coalesce(pg_catalog.current_setting($1, true), '') AS configuration,
       coalesce((SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolname = 'postgres'), '') AS verifier,
       pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1) AS version,
       (
         SELECT coalesce(pg_catalog.json_object_agg(name, setting), '{}')
         FROM pg_catalog.pg_file_settings
         WHERE sourcefile LIKE '%postgresql.auto.conf'
       ) AS "alterSystem"
