-- A hash over the routines of a library as the server has them: another one means that somebody has changed them. $1: of names.
SELECT coalesce(md5(string_agg(pg_get_functiondef(p.oid), '' ORDER BY p.oid::regprocedure::text)), '') AS hash
FROM pg_proc AS p
WHERE p.pronamespace = to_regnamespace('pgwright') AND p.prokind IN ('f', 'p') AND p.proname ~ $1
