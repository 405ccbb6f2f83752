-- The database $1. onlyAscii: see provider/kinds/database/statements.ts.
SELECT datname AS name, pg_catalog.pg_get_userbyid(datdba) AS owner, datconnlimit AS "connectionLimit",
       datallowconn AS "allowsConnections", datistemplate AS "isTemplate",
       datlocprovider <> 'c' AND datctype IN ('C', 'POSIX') AND pg_catalog.pg_encoding_to_char(encoding) = 'UTF8' AS "onlyAscii"
FROM pg_catalog.pg_database
WHERE datname = $1
