-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- Another database, read through postgres_fdw: here one of the same server, as its container sees it; a server elsewhere is
-- another host. Nothing connects before a query does, so this runs before the other database is there. IMPORT FOREIGN SCHEMA
-- would connect, and takes whatever it finds. Who reads needs a user mapping of its own (CREATE USER MAPPING): passwords do not
-- belong into migrations.
CREATE SERVER analytics FOREIGN DATA WRAPPER postgres_fdw
OPTIONS (host '127.0.0.1', port '5432', dbname 'apex_analytics', updatable 'false', use_remote_estimate 'true', connect_timeout '5');

COMMENT ON SERVER analytics IS 'The database apex_analytics.';

CREATE FOREIGN TABLE analytics.document_views (
  document_id uuid NOT NULL,
  day date NOT NULL,
  view_count bigint NOT NULL
)
SERVER analytics OPTIONS (schema_name 'analytics', table_name 'document_views');

COMMENT ON FOREIGN TABLE analytics.document_views IS 'How often documents were looked at, by day; read only.';

-- Condition and sum are computed there: what comes over the network is a row a document. In plpgsql, so that the condition
-- compares with a value: a caller's current_date - 30 in its place would not be sent, as it means something else where the
-- clock or the time zone is another.
CREATE FUNCTION analytics.popular_documents(p_since date, p_limit int DEFAULT 10)
RETURNS TABLE (id uuid, title text, view_count numeric)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  RETURN QUERY
    SELECT d.id, d.title, v.views
    FROM (
      SELECT w.document_id, sum(w.view_count) AS views
      FROM analytics.document_views AS w
      WHERE w.day >= p_since
      GROUP BY w.document_id
    ) AS v
    JOIN apex.documents AS d ON d.id = v.document_id
    ORDER BY v.views DESC, d.id
    LIMIT p_limit;
END
$$;

COMMENT ON FUNCTION analytics.popular_documents(date, int) IS
'Documents of this database by the views that the other one has counted.';

-- migrate:down
DROP FUNCTION analytics.popular_documents(date, int);
DROP FOREIGN TABLE analytics.document_views;
DROP SERVER analytics;
