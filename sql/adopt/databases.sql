-- The databases, with properties that a stack file can and cannot declare.
SELECT datname AS name, pg_get_userbyid(datdba) AS owner, datconnlimit AS "connectionLimit",
       datallowconn AS "allowsConnections", datistemplate AS "isTemplate", pg_encoding_to_char(encoding) AS encoding,
       datlocprovider AS provider,
       CASE datlocprovider WHEN 'c' THEN datcollate ELSE coalesce(datlocale, datcollate) END AS collation,
       (SELECT spcname FROM pg_tablespace AS t WHERE t.oid = dattablespace) AS tablespace,
       coalesce(
         (SELECT json_agg(setting ORDER BY setting) FROM pg_db_role_setting, unnest(setconfig) AS setting
          WHERE setdatabase = d.oid AND setrole = 0),
         '[]'
       ) AS settings
FROM pg_database AS d
ORDER BY datname
