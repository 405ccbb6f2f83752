-- The roles $1 as they are: attributes, password, memberships and parameters.
SELECT rolname AS name, rolcanlogin AS login, rolsuper AS superuser, rolinherit AS inherit, rolcreatedb AS "createDatabase",
       rolcreaterole AS "createRole", rolreplication AS replication, rolbypassrls AS "bypassRowLevelSecurity",
       rolconnlimit AS "connectionLimit", nullif(rolvaliduntil, 'infinity')::text AS "validUntil", rolpassword AS verifier,
       coalesce(
         (SELECT json_agg(
            json_build_object(
              'group', pg_get_userbyid(roleid), 'grantor', pg_get_userbyid(grantor), 'admin', admin_option,
              'inherit', inherit_option, 'set', set_option
            )
            ORDER BY pg_get_userbyid(roleid), pg_get_userbyid(grantor)
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
FROM pg_authid AS r
WHERE rolname = ANY ($1)
