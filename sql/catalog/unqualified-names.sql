-- Resolves unqualified names as a session with search_path $4: relations $1 and types $2, quoted as in SQL, and functions $3.
-- pg_catalog comes first, as in any session; names that are found there, or in no schema, are not in the result.
WITH named AS (
  SELECT 'relation' AS kind, written FROM pg_catalog.unnest($1::text[]) AS written
  UNION ALL
  SELECT 'type', written FROM pg_catalog.unnest($2::text[]) AS written
  UNION ALL
  SELECT 'function', written FROM pg_catalog.unnest($3::text[]) AS written
)
SELECT DISTINCT ON (kind, written) kind, written, schema, within AS resolved
FROM named
CROSS JOIN pg_catalog.unnest($4::text[]) WITH ORDINALITY AS path (schema, position),
LATERAL (SELECT pg_catalog.quote_ident(schema) || '.' || written) AS qualified (within)
WHERE CASE kind
  WHEN 'relation' THEN pg_catalog.to_regclass(written) IS NULL AND pg_catalog.to_regclass(within) IS NOT NULL
  WHEN 'type' THEN pg_catalog.to_regtype(written) IS NULL AND pg_catalog.to_regtype(within) IS NOT NULL
  ELSE NOT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = written AND pronamespace = 'pg_catalog'::pg_catalog.regnamespace)
    AND EXISTS (
      SELECT FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
      WHERE p.proname = written AND n.nspname = schema
    )
END
ORDER BY kind, written, position
