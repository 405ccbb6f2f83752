-- Roles that inherit privileges, and the roles that they inherit them from, directly or indirectly.
WITH RECURSIVE member AS (
  SELECT member, roleid FROM pg_auth_members WHERE inherit_option
  UNION
  SELECT member.member, deeper.roleid
  FROM member
  JOIN pg_auth_members AS deeper ON deeper.member = member.roleid AND deeper.inherit_option
)
SELECT pg_get_userbyid(member) AS role, json_agg(pg_get_userbyid(roleid) ORDER BY pg_get_userbyid(roleid)) AS groups
FROM member
GROUP BY member
