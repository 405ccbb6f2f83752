-- The cron jobs of a set, for pg_cron, which may be in another database. CALL is the only statement of each, because it commits.
-- config/tiers.ts declares the same jobs for sets of a stack file.

CREATE OR REPLACE FUNCTION pgwright.tiers_jobs(p_schema name, p_name name)
RETURNS TABLE (job text, schedule text, command text)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_load(p_schema, p_name);
  v_minutes int := (v_set.config ->> 'walMinutes')::int;
  v_offset int := (v_set.config ->> 'minuteOffset')::int;
  -- Names of jobs are unique on a server.
  v_prefix text := format('%s.%s.%s', current_database(), p_schema, p_name);
  -- Spread over the first four hours of the day.
  v_night int := pgwright.tiers_spread(p_schema, p_name, 240);
BEGIN
  RETURN QUERY
  SELECT v_prefix || x.job, x.schedule, format('CALL %s()', pgwright.tiers_object(v_set, x.suffix))
  FROM (
    VALUES
      -- The roll runs in the last minute of each ten, the maintenance in another one.
      ('-roll-wa', (SELECT string_agg(m::text, ',') FROM generate_series(v_minutes - 1, 59, v_minutes) AS m) || ' * * * *', '_roll_wa'),
      ('-part-maintenance', (SELECT string_agg(m::text, ',') FROM generate_series(v_offset, 59, v_minutes) AS m) || ' * * * *', '_partition_maintenance'),
      ('-analyze', '* * * * *', '_analyze_partitions'),
      ('-partition-sort', format('%s %s * * *', mod(v_night, 60), v_night / 60), '_partition_sort')
  ) AS x (job, schedule, suffix);
END
$$;

COMMENT ON FUNCTION pgwright.tiers_jobs(name, name) IS 'The cron jobs of a tiered set. They run as its owner.';

CREATE OR REPLACE FUNCTION pgwright.tiers_status_row(p_set pgwright.tiers_sets)
RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  -- Of sets of other owners, only the names.
  SELECT CASE
    WHEN pg_has_role(current_user, p_set.owner_name, 'USAGE')
      THEN pgwright.tiers_facts(p_set) || jsonb_build_object('problems', to_jsonb(array(SELECT pgwright.tiers_problems(p_set))))
  END
$$;

CREATE OR REPLACE VIEW pgwright.tiers_status WITH (security_invoker = true) AS
SELECT
  s.schema_name,
  s.set_name,
  s.owner_name,
  (f.facts ->> 'walTables')::int AS wal_tables,
  (f.facts ->> 'lastRoll')::timestamptz AS last_roll,
  (f.facts ->> 'lastMaintenance')::timestamptz AS last_maintenance,
  make_interval(secs => (f.facts ->> 'lag')::int) AS lag,
  (f.facts ->> 'analyzeQueue')::bigint AS analyze_queue,
  (f.facts ->> 'sortQueue')::bigint AS sort_queue,
  (f.facts ->> 'unsortedRows')::bigint AS unsorted_rows,
  f.facts -> 'lastErrors' AS last_errors,
  ARRAY(SELECT jsonb_array_elements_text(f.facts -> 'problems')) AS problems
FROM pgwright.tiers_sets AS s
CROSS JOIN LATERAL (SELECT pgwright.tiers_status_row(s) AS facts) AS f;

COMMENT ON VIEW pgwright.tiers_status IS 'Tiered sets that the reader may see: runs, queues, and problems of their objects.';
GRANT SELECT ON pgwright.tiers_status TO PUBLIC;
