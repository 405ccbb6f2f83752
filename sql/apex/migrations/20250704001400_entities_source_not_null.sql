-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- PostgreSQL has the constraint's word for it, and reads no rows.
-- squawk-ignore adding-not-nullable-field
ALTER TABLE apex.entities ALTER COLUMN source SET NOT NULL;
ALTER TABLE apex.entities DROP CONSTRAINT entities_source_not_null;

-- migrate:down
ALTER TABLE apex.entities ADD CONSTRAINT entities_source_not_null CHECK (source IS NOT NULL) NOT VALID;
-- squawk-ignore ban-drop-not-null
ALTER TABLE apex.entities ALTER COLUMN source DROP NOT NULL;
