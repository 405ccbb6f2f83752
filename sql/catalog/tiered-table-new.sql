-- What a new tiered table ($1 schema, $2 name, $3 owner) finds. ready: what it needs exists. taken: a relation has its name. lost: its
-- tables exist.
SELECT
  pg_catalog.to_regproc('pgwright.tiers_config') IS NOT NULL
    AND pg_catalog.to_regnamespace(pg_catalog.quote_ident($1)) IS NOT NULL
    AND pg_catalog.to_regrole(pg_catalog.quote_ident($3)) IS NOT NULL AS ready,
  pg_catalog.to_regclass(pg_catalog.format('%I.%I', $1::text, $2::text)) IS NOT NULL AS taken,
  pg_catalog.to_regclass(pg_catalog.format('%I.%I', $1::text, $2::text || '_tables')) IS NOT NULL AS lost
