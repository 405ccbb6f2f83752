-- Parameters that somebody has set for the whole server. As text with their unit, as a file takes it. Those that no library has
-- registered are not in pg_settings.
SELECT name, current_setting(name) AS value, reset_val AS "resetValue", boot_val AS "bootValue", context, false AS custom
FROM pg_settings
WHERE source IN ('configuration file', 'command line', 'environment variable', 'global') AND context <> 'internal'
UNION ALL
SELECT name, setting, setting, NULL, 'user', true
FROM pg_file_settings AS f
WHERE applied AND NOT EXISTS (SELECT FROM pg_settings AS s WHERE lower(s.name) = lower(f.name))
ORDER BY name
