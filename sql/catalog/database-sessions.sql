-- Who is connected to the database $1, in words. What CREATE DATABASE ends by itself, and what belongs to another session, is not told.
SELECT format(
  '%s (%s, %s, pid %s)',
  coalesce(a.usename, a.backend_type),
  coalesce(nullif(a.application_name, ''), 'no application name'),
  coalesce(host(a.client_addr), 'local'),
  a.pid
) AS session
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname = $1
  AND a.pid <> pg_catalog.pg_backend_pid()
  AND a.backend_type NOT IN ('autovacuum worker', 'parallel worker')
  AND NOT ($2 AND a.application_name = 'pgwright')
UNION ALL
SELECT format('%s (prepared transaction %L)', x.owner, x.gid)
FROM pg_catalog.pg_prepared_xacts AS x
WHERE x.database = $1
ORDER BY session;
