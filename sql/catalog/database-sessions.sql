-- Sessions and prepared transactions of the database $1, as lines of a message. Without $2 those of pgwright are included. Autovacuum
-- workers, which CREATE DATABASE ends itself, and parallel workers, which end with their leader, are not.
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
