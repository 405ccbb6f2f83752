-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

ALTER TABLE apex.entities VALIDATE CONSTRAINT entities_source_not_null;

-- migrate:down
-- Nothing to do: what was valid stays valid.
