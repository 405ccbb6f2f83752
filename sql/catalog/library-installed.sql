-- The library $1 as it was installed. As JSON, because a pgwright without steps has created the table without a version.
SELECT files, routines, coalesce((pg_catalog.to_jsonb(l) ->> 'version')::int, 0) AS version
FROM pgwright.libraries AS l
WHERE name = $1
