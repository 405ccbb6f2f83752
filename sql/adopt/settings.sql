-- Parameters that are set for the whole server, as text with their unit, in the format of a configuration file. Parameters that no
-- library has registered are not in pg_settings.
SELECT name, current_setting(name) AS value, boot_val AS "bootValue", false AS custom
FROM pg_settings
WHERE source IN ('configuration file', 'command line', 'environment variable', 'global') AND context <> 'internal'
UNION ALL
SELECT name, setting, NULL, true
FROM pg_file_settings AS f
WHERE applied AND NOT EXISTS (SELECT FROM pg_settings AS s WHERE lower(s.name) = lower(f.name))
ORDER BY name
