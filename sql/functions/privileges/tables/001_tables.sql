-- Default privileges while the script of an extension runs. With IF NOT EXISTS, because this step also brings the tables of a pgwright
-- without steps to this version.

-- The transaction that inserts rows into these tables also deletes them, so other sessions never see any. UNLOGGED, because a
-- publication FOR ALL TABLES would reject deletes from a table without a key.

-- Rows of pg_default_acl while they are suspended.
CREATE UNLOGGED TABLE IF NOT EXISTS pgwright.privileges_suspended (LIKE pg_catalog.pg_default_acl);
-- Running commands: scripts of extensions can contain ALTER EXTENSION.
CREATE UNLOGGED TABLE IF NOT EXISTS pgwright.privileges_commands (depth bigint GENERATED ALWAYS AS IDENTITY);
