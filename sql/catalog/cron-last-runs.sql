-- The last finished run of each active job. A run that is under way has not finished.
SELECT
  j.jobid::text AS "jobId",
  j.jobname AS name,
  j.database,
  d.status = 'failed' AS failed,
  pg_catalog.to_char(pg_catalog.timezone('UTC', d.start_time), 'YYYY-MM-DD HH24:MI:SS "UTC"') AS "startedAt",
  pg_catalog.btrim(pg_catalog.regexp_replace(coalesce(d.return_message, ''), '\s+', ' ', 'g')) AS message
FROM cron.job AS j
JOIN (
  -- One pass over the log, which has no index on its jobs.
  SELECT r.jobid, pg_catalog.max(r.runid) AS runid FROM cron.job_run_details AS r
  WHERE r.status IN ('succeeded', 'failed') GROUP BY r.jobid
) AS last ON last.jobid = j.jobid
JOIN cron.job_run_details AS d ON d.runid = last.runid
WHERE j.active
ORDER BY j.jobname, j.jobid
