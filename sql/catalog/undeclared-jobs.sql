-- Cron jobs beside those that are declared ($1), of the database that holds pg_cron.
SELECT
  'CronJob' AS kind,
  coalesce(jobname, jobid::text) AS name,
  format('%s, in %s as %s: %s', schedule, database, username, command) AS what
FROM cron.job
WHERE jobname IS NULL OR jobname <> ALL ($1::text[])
ORDER BY 2
