-- migrate:up transaction:false
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_entities_source ON apex.entities (source);

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY IF EXISTS apex.idx_entities_source;
