-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- A column that must not be NULL, added while the table is in use, in steps that hold a lock for a moment only:
-- 1. this file: the column, NULL in the rows there are, and a default for new ones;
-- 2. the rows there are get their value, in batches;
-- 3. a constraint that holds for what is written from now on;
-- 4. it is checked for the other rows, which locks nobody out, and then NOT NULL needs no look at any row.
-- A column that goes, or gets another type, goes the other way: a new one beside it, filled, read, and only then the old one
-- dropped.
ALTER TABLE apex.entities ADD COLUMN source text;
ALTER TABLE apex.entities ALTER COLUMN source SET DEFAULT 'unknown';

COMMENT ON COLUMN apex.entities.source IS 'Where the entity was found.';

-- migrate:down
-- squawk-ignore ban-drop-column
ALTER TABLE apex.entities DROP COLUMN source;
