-- Values of parameters for new sessions; $1: their names. A session that pins a parameter sees its own value there: of those, what
-- the configuration files say. What no library has registered is not in pg_settings.
SELECT
  asked.name,
  CASE
    WHEN s.name IS NULL THEN current_setting(asked.name, true)
    WHEN s.source = 'client' THEN coalesce(f.setting, s.boot_val, '')
    ELSE s.setting
  END AS setting
FROM unnest($1::text[]) AS asked (name)
LEFT JOIN pg_settings AS s ON lower(s.name) = lower(asked.name)
LEFT JOIN LATERAL (
  SELECT file.setting FROM pg_file_settings AS file
  WHERE lower(file.name) = lower(asked.name) AND file.applied
  ORDER BY file.seqno DESC LIMIT 1
) AS f ON true
WHERE s.name IS NOT NULL OR current_setting(asked.name, true) IS NOT NULL
