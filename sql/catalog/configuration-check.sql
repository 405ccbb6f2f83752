-- In a throwaway server of a new configuration: fails, with the reason, where it is not taken as it is written.
DO $$
DECLARE
    problem text;
BEGIN
    SELECT string_agg(found.problem, E'\n') INTO problem
    FROM (
        SELECT pg_catalog.format('%s: %s', coalesce(f.name, 'line ' || f.sourceline), f.error) AS problem
        FROM pg_catalog.pg_file_settings AS f
        WHERE f.error IS NOT NULL
            -- Arguments of the throwaway server win over these.
            AND f.name NOT IN (
                'listen_addresses', 'unix_socket_directories', 'archive_command', 'fsync', 'huge_pages', 'logging_collector', 'log_destination', 'hba_file', 'ident_file'
            )
            -- What these name is looked up below, and where a database can add it, in the databases.
            AND f.name NOT IN (
                'default_text_search_config', 'default_tablespace', 'temp_tablespaces', 'default_table_access_method'
            )
        UNION ALL
        SELECT pg_catalog.format('pg_hba.conf, line %s: %s', h.line_number, h.error)
        FROM pg_catalog.pg_hba_file_rules AS h
        WHERE h.error IS NOT NULL
        UNION ALL
        SELECT pg_catalog.format('pg_ident.conf, line %s: %s', i.line_number, i.error)
        FROM pg_catalog.pg_ident_file_mappings AS i
        WHERE i.error IS NOT NULL
    ) AS found;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION '%', problem;
    END IF;
END
$$;

-- In a transaction a parameter is compared with the catalog. What a database can add is looked at in the databases themselves.
SELECT pg_catalog.set_config(s.name, s.setting, true)
FROM pg_catalog.pg_settings AS s
WHERE
    s.source = 'configuration file'
    AND s.context IN ('user', 'superuser')
    AND s.name NOT IN ('default_tablespace', 'temp_tablespaces', 'default_table_access_method')
    AND NOT (s.name = 'default_text_search_config' AND s.setting LIKE '%.%' AND s.setting NOT LIKE 'pg_catalog.%');
