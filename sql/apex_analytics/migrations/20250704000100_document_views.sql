-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

-- No foreign key: the documents are in another database.
CREATE TABLE analytics.document_views (
  document_id uuid NOT NULL,
  day date NOT NULL,
  view_count bigint NOT NULL DEFAULT 0 CHECK (view_count >= 0),
  CONSTRAINT document_views_pkey PRIMARY KEY (document_id, day)
);

COMMENT ON TABLE analytics.document_views IS 'How often documents of the database apex_memory were looked at, by day.';

CREATE INDEX idx_document_views_day ON analytics.document_views (day);

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE analytics.document_views;
