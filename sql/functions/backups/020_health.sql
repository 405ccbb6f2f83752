-- Existing backups and the health of the repositories. For pg_monitor: the list of backups shows no data of a database.

CREATE OR REPLACE VIEW pgwright.backup_list AS
SELECT
  (b.backup #>> '{database,repo-key}')::int AS repository,
  b.backup ->> 'label' AS label,
  CASE b.backup ->> 'type' WHEN 'full' THEN 'full' WHEN 'diff' THEN 'differential' ELSE 'incremental' END AS type,
  to_timestamp((b.backup #>> '{timestamp,start}')::bigint) AS started_at,
  to_timestamp((b.backup #>> '{timestamp,stop}')::bigint) AS ended_at,
  (b.backup #>> '{info,size}')::bigint AS bytes,
  (b.backup #>> '{info,repository,delta}')::bigint AS repository_bytes,
  (b.backup ->> 'error')::boolean AS has_bad_pages
FROM pgwright.backup_report AS r
CROSS JOIN LATERAL jsonb_path_query(r.info, '$[*].backup[*]') AS b (backup);

-- One row per repository.
CREATE OR REPLACE VIEW pgwright.backup_health AS
SELECT
  s.repository,
  newest.label AS newest_backup,
  newest.ended_at AS newest_backup_at,
  (SELECT max(l.ended_at) FROM pgwright.backup_list AS l WHERE l.repository = s.repository AND l.type = 'full') AS newest_full_at,
  -- The newest segment of the archive.
  (
    SELECT max(a.archive ->> 'max') FROM jsonb_path_query(r.info, '$[*].archive[*]') AS a (archive)
    WHERE (a.archive #>> '{database,repo-key}')::int = s.repository
  ) AS newest_wal,
  s.bytes,
  s.free_bytes,
  r.reported_at,
  -- Why the repository cannot be read; of an answer of an object store, code and message. NULL: it can be read.
  (
    SELECT regexp_replace(q.repository #>> '{status,message}', '\*\*\* Path.*<Code>(.*)</Code>.*<Message>(.*)</Message>.*', '\1: \2')
    FROM jsonb_path_query(r.info, '$[*].repo[*]') AS q (repository)
    WHERE (q.repository ->> 'key')::int = s.repository AND q.repository #>> '{status,code}' = '99'
    LIMIT 1
  ) AS problem
FROM pgwright.backup_sizes AS s
CROSS JOIN pgwright.backup_report AS r
LEFT JOIN LATERAL (
  SELECT l.label, l.ended_at FROM pgwright.backup_list AS l WHERE l.repository = s.repository ORDER BY l.ended_at DESC LIMIT 1
) AS newest ON true;

-- The newest run of each job.
CREATE OR REPLACE VIEW pgwright.backup_last_runs AS
SELECT DISTINCT ON (r.job, r.repository) r.*
FROM pgwright.backup_runs AS r ORDER BY r.job, r.repository, r.run DESC;

-- Jobs whose newest run failed. Repository 0: a job for all repositories.
CREATE OR REPLACE VIEW pgwright.backup_failures AS
SELECT u.job, u.repository, u.started_at, u.ended_at, u.exit_code, u.message
FROM pgwright.backup_last_runs AS u
WHERE u.exit_code <> 0;

-- Lag of archiving. WAL that waits is on the data volume only.
CREATE OR REPLACE FUNCTION pgwright.backup_archive()
RETURNS TABLE (
  waiting_segments bigint,
  waiting_since timestamptz,
  last_archived_wal text,
  last_archived_at timestamptz,
  -- NULL: the last try succeeded
  failing_since timestamptz
)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = ''
AS $$
  SELECT w.waiting, w.since, a.last_archived_wal, a.last_archived_time,
    CASE WHEN a.last_failed_time > coalesce(a.last_archived_time, '-infinity') THEN a.last_failed_time END
  FROM pg_catalog.pg_stat_archiver AS a
  CROSS JOIN (
    SELECT count(*), min(f.modification) FROM pg_catalog.pg_ls_archive_statusdir() AS f WHERE f.name LIKE '%.ready'
  ) AS w (waiting, since)
$$;

REVOKE ALL ON FUNCTION pgwright.backup_archive() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgwright.backup_archive() TO pg_monitor;
GRANT SELECT ON pgwright.backup_list, pgwright.backup_health, pgwright.backup_last_runs, pgwright.backup_failures TO pg_monitor;
