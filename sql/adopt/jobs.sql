-- The jobs of pg_cron; runs in the database with the extension.
SELECT jobid::text AS id, jobname AS name, schedule, command, database, username AS role, active
FROM cron.job
ORDER BY jobname, jobid
