-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

ALTER TABLE apex.entities ADD CONSTRAINT entities_source_not_null CHECK (source IS NOT NULL) NOT VALID;

-- migrate:down
ALTER TABLE apex.entities DROP CONSTRAINT entities_source_not_null;
