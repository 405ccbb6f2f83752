-- Lines of pg_hba.conf and pg_ident.conf that the server rejects.
SELECT file_name AS file, line_number AS line, error
FROM pg_catalog.pg_hba_file_rules
WHERE error IS NOT NULL
UNION ALL
SELECT file_name, line_number, error
FROM pg_catalog.pg_ident_file_mappings
WHERE error IS NOT NULL
