-- The extensions and roles that a restored copy must have too, as an array of texts.
SELECT coalesce(jsonb_agg(object), '[]')
FROM (
  SELECT 'extension ' || extname || ' ' || extversion FROM pg_catalog.pg_extension
  UNION ALL
  SELECT 'role ' || rolname FROM pg_catalog.pg_roles
  -- Temporary roles of pgwright's runs.
  WHERE rolname !~ '^pgwright_run_(agent_)?[0-9a-f]{16}$'
) AS present (object);
