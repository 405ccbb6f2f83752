-- Metrics for alerts, one row per sample, with names and labels in the style of Prometheus. Times are seconds since 1970.

CREATE OR REPLACE VIEW pgwright.backup_metrics AS
SELECT m.name, m.help, coalesce(m.labels, '{}') AS labels, m.value::double precision AS value
FROM (
  SELECT 'pgwright_backup_newest_timestamp_seconds' AS name, 'End of the newest backup, by repository and type.' AS help,
    jsonb_build_object('repository', l.repository::text, 'type', l.type) AS labels, extract(epoch FROM max(l.ended_at)) AS value
  FROM pgwright.backup_list AS l
  GROUP BY l.repository, l.type
  UNION ALL
  SELECT 'pgwright_backup_repository_bytes', 'Size of a repository.', jsonb_build_object('repository', s.repository::text), s.bytes
  FROM pgwright.backup_sizes AS s
  UNION ALL
  SELECT 'pgwright_backup_repository_free_bytes', 'Free space on the disk of a repository.',
    jsonb_build_object('repository', s.repository::text), s.free_bytes
  FROM pgwright.backup_sizes AS s
  UNION ALL
  SELECT 'pgwright_backup_job_exit_code', 'Exit code of the newest run of a job of the agent; 0: success.',
    jsonb_build_object('job', r.job, 'repository', r.repository::text), r.exit_code
  FROM pgwright.backup_last_runs AS r
  UNION ALL
  SELECT 'pgwright_backup_job_next_timestamp_seconds', 'Next run of a job of the agent.', jsonb_build_object('job', n.job),
    extract(epoch FROM n.next_at)
  FROM pgwright.backup_schedule AS n
  UNION ALL
  SELECT 'pgwright_backup_report_timestamp_seconds', 'Last report of the agent.', NULL, extract(epoch FROM p.reported_at)
  FROM pgwright.backup_report AS p
  UNION ALL
  SELECT f.name, f.help, NULL, f.value
  FROM pgwright.backup_archive() AS a
  CROSS JOIN LATERAL (
    VALUES
    ('pgwright_wal_waiting_segments', 'WAL segments that are not archived yet.', a.waiting_segments::numeric),
    ('pgwright_wal_waiting_seconds', 'Age of the oldest WAL segment that is not archived yet.', coalesce(extract(epoch FROM now() - a.waiting_since), 0)),
    ('pgwright_wal_failing_seconds', 'Seconds since archiving failed, if no segment was archived since; 0: it does not fail.', coalesce(extract(epoch FROM now() - a.failing_since), 0)),
    ('pgwright_wal_archived_timestamp_seconds', 'Time at which a WAL segment was last archived.', extract(epoch FROM a.last_archived_at))
  ) AS f (name, help, value)
  UNION ALL
  SELECT 'pgwright_wal_missing_segments', 'WAL segments that are missing in a repository, without a backup since.',
    jsonb_build_object('repository', s.repository::text), coalesce(sum(h.segments) FILTER (WHERE h.open), 0)
  FROM pgwright.backup_sizes AS s
  LEFT JOIN pgwright.backup_missing_wal AS h USING (repository)
  GROUP BY s.repository
  UNION ALL
  SELECT f.name, f.help, NULL, f.value
  FROM (SELECT * FROM pgwright.restore_drills ORDER BY ended_at DESC LIMIT 1) AS d
  CROSS JOIN LATERAL (
    VALUES
    ('pgwright_restore_drill_passed', 'Whether the last restore drill passed.', d.passed::int::numeric),
    ('pgwright_restore_drill_timestamp_seconds', 'End of the last restore drill.', extract(epoch FROM d.ended_at)),
    ('pgwright_restore_drill_seconds', 'Duration of its restore.', d.seconds::numeric)
  ) AS f (name, help, value)
) AS m
WHERE m.value IS NOT NULL;

GRANT SELECT ON pgwright.backup_metrics TO pg_monitor;
