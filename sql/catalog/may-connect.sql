-- Who may connect to the database $1, as REVOKE names them.
SELECT CASE WHEN entry.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(entry.grantee)) END AS who
FROM pg_database, LATERAL aclexplode(coalesce(datacl, acldefault('d', datdba))) AS entry
WHERE datname = $1 AND entry.privilege_type = 'CONNECT'
