-- How backups stand, a line each, for people; alarm: somebody has to look at it.
SELECT 'backup, repository ' || h.repository AS what,
  coalesce(h.newest_backup || ', ended ' || date_trunc('second', h.newest_backup_at), 'none') AS value,
  h.newest_backup IS NULL AS alarm
FROM pgwright.backup_health AS h
UNION ALL
SELECT 'repository ' || h.repository,
  coalesce('cannot be read: ' || left(h.problem, 300), concat_ws(', ', pg_size_pretty(h.bytes), pg_size_pretty(h.free_bytes) || ' free on its disk',
    'up to WAL ' || coalesce(h.newest_wal, '-'))),
  h.problem IS NOT NULL OR coalesce(h.free_bytes < 2 * h.bytes, false)
FROM pgwright.backup_health AS h
UNION ALL
SELECT 'failed' || CASE WHEN f.repository > 0 THEN ', repository ' || f.repository ELSE '' END,
  format('%s, %s: %s', f.job, date_trunc('second', f.ended_at), f.message), true
FROM pgwright.backup_failures AS f
UNION ALL
SELECT 'archive',
  coalesce('failing since ' || date_trunc('second', a.failing_since) || '; ', '')
    || a.waiting_segments || ' segments wait; last archived ' || coalesce(a.last_archived_wal || ' at ' || date_trunc('second', a.last_archived_at), 'nothing'),
  a.failing_since IS NOT NULL OR a.waiting_segments > 16
FROM pgwright.backup_archive() AS a
UNION ALL
SELECT 'archive, repository ' || m.repository,
  format('%s WAL segments are missing before %s, and there is no backup since: make one by npm run backup -- full', m.segments, m.before_segment), true
FROM pgwright.backup_missing_wal AS m
WHERE m.open
UNION ALL
SELECT 'agent''s report', coalesce(date_trunc('second', r.reported_at)::text, 'none yet'), coalesce(r.reported_at < now() - interval '20 minutes', true)
FROM pgwright.backup_report AS r
UNION ALL
(
  SELECT 'restore drill',
    format('%s %s: from %s, recovered to %s in %s s', d.drill, CASE WHEN d.passed THEN 'passed' ELSE 'FAILED' END, coalesce(d.backup, 'no backup'),
      coalesce(date_trunc('second', d.recovered_to)::text, '-'), d.seconds),
    NOT d.passed
  FROM pgwright.restore_drills AS d
  ORDER BY d.ended_at DESC
  LIMIT 1
)
UNION ALL
(
  SELECT 'next ' || n.job, to_char(n.next_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'), false
  FROM pgwright.backup_schedule AS n
  ORDER BY n.next_at
)
