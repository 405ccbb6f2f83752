-- The cron jobs of the name $1. pg_cron's names are unique for a role only; the job of the role $2 comes first.
SELECT jobid::text AS jobid, schedule, command, database, username, active
FROM cron.job
WHERE jobname = $1
ORDER BY username = $2 DESC, cron.job.jobid
