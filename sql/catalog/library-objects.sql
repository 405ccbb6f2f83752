-- Relations and types of a library. $1: their names, as a regular expression.
SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END AS kind, c.oid::regclass::text AS object
FROM pg_class AS c
WHERE c.relnamespace = to_regnamespace('pgwright') AND c.relkind IN ('r', 'v', 'c') AND c.relname ~ $1
ORDER BY 2
