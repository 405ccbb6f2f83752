SELECT 'extension ' || extname || ' ' || extversion FROM pg_catalog.pg_extension
UNION ALL
SELECT 'role ' || rolname FROM pg_catalog.pg_roles
ORDER BY 1;
