-- The roles $1 as they are: attributes, memberships and parameters.
SELECT rolname AS role, rolcanlogin AS login, rolsuper AS superuser, rolinherit AS inherit, rolcreatedb AS "createDatabase",
       rolcreaterole AS "createRole", rolreplication AS replication, rolbypassrls AS "bypassRowLevelSecurity",
       rolconnlimit AS "connectionLimit",
       CASE WHEN isfinite(rolvaliduntil) THEN rolvaliduntil END AS "validUntil",
       coalesce(
         (SELECT json_agg(
            json_build_object('group', pg_get_userbyid(roleid), 'grantor', pg_get_userbyid(grantor), 'admin', admin_option)
            ORDER BY 1
          )
          FROM pg_auth_members
          WHERE member = r.oid),
         '[]'
       ) AS memberships,
       coalesce(
         (SELECT json_agg(json_build_object('database', datname, 'setting', setting) ORDER BY datname, setting)
          FROM pg_db_role_setting
          LEFT JOIN pg_database AS d ON d.oid = setdatabase,
          unnest(setconfig) AS setting
          WHERE setrole = r.oid),
         '[]'
       ) AS settings
FROM pg_roles AS r
WHERE rolname = ANY ($1)
