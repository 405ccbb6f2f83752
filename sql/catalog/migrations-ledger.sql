-- The ledger of applied migrations. dbmate reads it too: dbmate --migrations-table pgwright.migrations
CREATE SCHEMA IF NOT EXISTS pgwright;
CREATE TABLE IF NOT EXISTS pgwright.migrations (
  version text PRIMARY KEY,
  name text NOT NULL DEFAULT '',
  hash text NOT NULL DEFAULT '',
  statements int NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz DEFAULT now(),
  batch jsonb,
  pending jsonb
);
-- `batch`: progress of an unfinished statement in batches. `pending`: the row after the commit of an open transaction. Ledgers of earlier
-- versions get the columns once, because ALTER TABLE takes ACCESS EXCLUSIVE even if the column exists.
DO $$
DECLARE
  v_column text;
BEGIN
  FOREACH v_column IN ARRAY ARRAY['batch', 'pending'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = 'pgwright.migrations'::regclass AND attname = v_column) THEN
      EXECUTE format('ALTER TABLE pgwright.migrations ADD COLUMN IF NOT EXISTS %I jsonb', v_column);
    END IF;
  END LOOP;
END $$;
