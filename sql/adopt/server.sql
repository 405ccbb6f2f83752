-- Properties of the server. The bootstrap superuser has oid 10, whatever its name.
SELECT current_setting('server_version_num')::int AS version, rolsuper AS "isSuperuser", current_user AS "user",
       (SELECT rolname FROM pg_roles WHERE oid = 10) AS bootstrap,
       (SELECT coalesce(json_agg(rolname ORDER BY rolname), '[]') FROM pg_roles
        WHERE oid >= 16384 AND rolname !~ '^pgwright_run_(agent_)?[0-9a-f]{16}$') AS roles,
       pg_is_in_recovery() AS standby
FROM pg_roles
WHERE rolname = current_user
