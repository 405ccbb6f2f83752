-- The routines of a library as the server has them: a hash over them with their event triggers, which changes if they are changed, and
-- a list of them. $1: of names.
SELECT
  coalesce(md5(string_agg(pg_get_functiondef(p.oid) || triggers, '' ORDER BY p.oid::regprocedure::text)
    FILTER (WHERE p.prokind IN ('f', 'p'))), '') AS hash,
  coalesce(string_agg(p.oid::regprocedure::text, ', '), '') AS list
FROM pg_proc AS p,
LATERAL (
  SELECT coalesce(string_agg(concat_ws(' ', evtname, evtevent, evtenabled, evttags), ',' ORDER BY evtname), '') AS triggers
  FROM pg_event_trigger
  WHERE evtfoid = p.oid
) AS event
WHERE p.pronamespace = to_regnamespace('pgwright') AND p.proname ~ $1
