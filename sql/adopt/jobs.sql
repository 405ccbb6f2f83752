-- The jobs of pg_cron, in the database that holds it.
SELECT jobid::text AS id, jobname AS name, schedule, command, database, username AS role, active
FROM cron.job
ORDER BY jobname, jobid
