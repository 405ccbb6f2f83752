-- Which migrations were applied. dbmate reads it too: dbmate --migrations-table pgwright.migrations
CREATE SCHEMA IF NOT EXISTS pgwright;
CREATE TABLE IF NOT EXISTS pgwright.migrations (
  version text PRIMARY KEY,
  name text NOT NULL DEFAULT '',
  hash text NOT NULL DEFAULT '',
  statements int NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz DEFAULT now(),
  batch jsonb
);
-- How far an unfinished statement is that is run in batches. Ledgers of before get the column once: ALTER TABLE locks everybody out,
-- even if there is nothing to do.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'pgwright.migrations'::regclass AND attname = 'batch') THEN
    ALTER TABLE pgwright.migrations ADD COLUMN batch jsonb;
  END IF;
END $$;
