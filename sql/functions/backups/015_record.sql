-- Records a report of the agent (image/report.sh), whose objects have the columns of the tables as fields.

CREATE OR REPLACE FUNCTION pgwright.backup_record(report jsonb) RETURNS void
LANGUAGE sql
SET search_path = ''
AS $$
  INSERT INTO pgwright.backup_runs (started_at, ended_at, job, repository, exit_code, message)
  SELECT r.started_at, r.ended_at, r.job, r.repository, r.exit_code, r.message
  FROM jsonb_populate_recordset(NULL::pgwright.backup_runs, report -> 'runs') AS r
  ON CONFLICT DO NOTHING;

  INSERT INTO pgwright.restore_drills
  SELECT d.* FROM jsonb_populate_recordset(NULL::pgwright.restore_drills, report -> 'drills') AS d
  ON CONFLICT DO NOTHING;
  INSERT INTO pgwright.restore_drill_checks (drill, what, passed, detail)
  SELECT d.drill ->> 'drill', c.what, c.passed, c.detail
  FROM jsonb_array_elements(report -> 'drills') AS d (drill)
  CROSS JOIN LATERAL jsonb_populate_recordset(NULL::pgwright.restore_drill_checks, d.drill -> 'checks') AS c
  ON CONFLICT DO NOTHING;

  DELETE FROM pgwright.backup_sizes;
  INSERT INTO pgwright.backup_sizes
  SELECT s.* FROM jsonb_populate_recordset(NULL::pgwright.backup_sizes, report -> 'sizes') AS s;

  DELETE FROM pgwright.backup_schedule;
  INSERT INTO pgwright.backup_schedule
  SELECT s.* FROM jsonb_populate_recordset(NULL::pgwright.backup_schedule, report -> 'schedule') AS s;

  DELETE FROM pgwright.backup_missing_wal;
  INSERT INTO pgwright.backup_missing_wal
  SELECT m.* FROM jsonb_populate_recordset(NULL::pgwright.backup_missing_wal, report -> 'missing_wal') AS m;

  UPDATE pgwright.backup_report SET info = report -> 'info', reported_at = now();
$$;

REVOKE ALL ON FUNCTION pgwright.backup_record(jsonb) FROM PUBLIC;
