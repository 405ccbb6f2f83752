-- The first of the tables $1 (schema.name, quoted as in SQL) that does not belong to the owner of the database. Tables that do not
-- exist are skipped. job: the owner of the database, as which a job runs.
SELECT t.name, pg_catalog.pg_get_userbyid(c.relowner) AS owner, pg_catalog.pg_get_userbyid(d.datdba) AS job
FROM pg_catalog.unnest($1::text[]) WITH ORDINALITY AS t (name, ordinal)
JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(t.name)
JOIN pg_catalog.pg_database AS d ON d.datname = pg_catalog.current_database()
WHERE c.relowner <> d.datdba
ORDER BY t.ordinal
LIMIT 1
