-- Attributes, verifiers, memberships and parameters of the roles $1.
SELECT rolname AS name, rolcanlogin AS login, rolsuper AS superuser, rolinherit AS inherit, rolcreatedb AS "createDatabase",
       rolcreaterole AS "createRole", rolreplication AS replication, rolbypassrls AS "bypassRowLevelSecurity",
       rolconnlimit AS "connectionLimit", nullif(rolvaliduntil, 'infinity')::text AS "validUntil", rolpassword AS verifier,
       coalesce(
         (SELECT json_agg(
            json_build_object(
              'group', pg_get_userbyid(roleid), 'grantor', pg_get_userbyid(grantor), 'admin', admin_option,
              'inherit', inherit_option, 'set', set_option,
              'creator', admin_option AND grantor = 10 AND roleid >= 16384 AND NOT g.rolsuper
            )
            ORDER BY pg_get_userbyid(roleid), pg_get_userbyid(grantor)
          )
          FROM pg_auth_members
          JOIN pg_roles AS g ON g.oid = roleid
          WHERE member = r.oid),
         '[]'
       ) AS memberships,
       coalesce(
         (SELECT json_agg(
            json_build_object(
              'group', pg_get_userbyid(m.roleid), 'member', pg_get_userbyid(m.member),
              'admin', m.admin_option OR coalesce(b.admin_option, false),
              'inherit', m.inherit_option OR coalesce(b.inherit_option, false),
              'set', m.set_option OR coalesce(b.set_option, false)
            )
            ORDER BY pg_get_userbyid(m.roleid), pg_get_userbyid(m.member)
          )
          FROM pg_auth_members AS m
          LEFT JOIN pg_auth_members AS b ON b.roleid = m.roleid AND b.member = m.member AND b.grantor = 10
          WHERE m.grantor = r.oid AND m.member <> r.oid AND r.oid <> 10),
         '[]'
       ) AS granted,
       coalesce(
         (SELECT json_agg(m.rolname ORDER BY m.rolname)
          FROM pg_auth_members
          JOIN pg_roles AS m ON m.oid = member
          WHERE roleid = r.oid AND admin_option AND m.rolcreaterole AND NOT m.rolsuper),
         '[]'
       ) AS makers,
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
