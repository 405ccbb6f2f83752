-- A hash over the routines of a library as the server has them, with their event triggers: another one means that somebody has
-- changed them. $1: of names.
SELECT coalesce(md5(string_agg(pg_get_functiondef(p.oid) || triggers, '' ORDER BY p.oid::regprocedure::text)), '') AS hash
FROM pg_proc AS p,
LATERAL (
  SELECT coalesce(string_agg(concat_ws(' ', evtname, evtevent, evtenabled, evttags), ',' ORDER BY evtname), '') AS triggers
  FROM pg_event_trigger
  WHERE evtfoid = p.oid
) AS event
WHERE p.pronamespace = to_regnamespace('pgwright') AND p.prokind IN ('f', 'p') AND p.proname ~ $1
