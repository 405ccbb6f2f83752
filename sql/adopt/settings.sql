-- Parameters that somebody has set for the whole server. As text with their unit, as a file takes it.
SELECT name, current_setting(name) AS value, reset_val AS "resetValue", boot_val AS "bootValue", context
FROM pg_settings
WHERE source IN ('configuration file', 'command line', 'environment variable', 'global') AND context <> 'internal'
ORDER BY name
