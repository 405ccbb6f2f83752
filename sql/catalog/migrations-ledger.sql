-- Which migrations were applied. dbmate reads it too: dbmate --migrations-table pgwright.migrations
CREATE SCHEMA IF NOT EXISTS pgwright;
CREATE TABLE IF NOT EXISTS pgwright.migrations (
  version text PRIMARY KEY,
  name text NOT NULL DEFAULT '',
  hash text NOT NULL DEFAULT '',
  statements int NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz DEFAULT now()
);
