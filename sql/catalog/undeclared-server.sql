-- What the server has beside what is declared: roles ($1), databases ($2), and those whose vector indexes are ($3). What PostgreSQL brings along is left out.
SELECT
  'Role' AS kind,
  r.rolname AS name,
  CASE WHEN r.rolsuper THEN 'a superuser' WHEN r.rolcanlogin THEN 'may log in' ELSE '' END AS what
FROM pg_catalog.pg_roles AS r
WHERE r.oid >= 16384 AND r.rolname <> ALL ($1::text[])
  -- Those of runs of pgwright itself live as long as these.
  AND r.rolname !~ '^pgwright_run_(agent_)?[0-9a-f]{16}$'
UNION ALL
SELECT 'Database', d.datname, pg_size_pretty(pg_database_size(d.oid))
FROM pg_catalog.pg_database AS d
WHERE d.oid >= 16384 AND d.datname <> ALL ($2::text[])
UNION ALL
SELECT
  'Setting',
  coalesce(r.rolname || ' in ', '') || d.datname,
  setting.value
FROM pg_catalog.pg_db_role_setting AS s
JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
CROSS JOIN LATERAL unnest(s.setconfig) AS setting (value)
-- Those of roles that are declared are compared with their declaration.
WHERE (r.rolname IS NULL OR r.rolname <> ALL ($1::text[]))
  -- What vector indexes need is compared with their resources.
  AND NOT (
    r.rolname IS NULL AND d.datname = ANY ($3::text[])
    AND setting.value ~ '^(hnsw\.ef_search|ivfflat\.probes|hnsw\.iterative_scan|ivfflat\.iterative_scan)='
  )
ORDER BY 1, 2, 3
