-- Roles of runs that are over: nobody has a session as one of them, and the session that made it does not hold its lock any more.
-- They have no members and no password; a role that has is another's.
SELECT rolname AS name
FROM pg_catalog.pg_authid AS r
WHERE rolname ~ '^pgwright_run_[0-9a-f]{16}$' AND rolcanlogin AND rolpassword IS NULL AND NOT rolsuper
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members WHERE roleid = r.oid)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE usesysid = r.oid)
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2
      AND classid = pg_catalog.hashtext('pgwright_run')::bit(32)::bigint::oid
      AND objid = pg_catalog.hashtext(rolname)::bit(32)::bigint::oid
  )
