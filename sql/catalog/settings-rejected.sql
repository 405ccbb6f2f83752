-- Lines of postgresql.conf that the server rejects. Parameters that wait for a restart have the error "could not be applied" too;
-- another process checks them before the restart.
SELECT file.sourcefile, file.sourceline, file.name, file.error
FROM pg_catalog.pg_file_settings AS file
LEFT JOIN pg_catalog.pg_settings AS now ON pg_catalog.lower(now.name) = pg_catalog.lower(file.name)
WHERE file.error IS NOT NULL AND NOT (file.error = 'setting could not be applied' AND now.context = 'postmaster')
