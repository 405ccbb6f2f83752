-- What goes with the database that is asked.
SELECT
  (
    SELECT count(*)::int
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('pgwright', 'cron')
  ) AS tables,
  pg_size_pretty(pg_database_size(current_database())) AS size,
  (
    SELECT count(*)::int
    FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> 'pgwright'
  ) AS sessions
