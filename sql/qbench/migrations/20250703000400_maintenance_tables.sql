-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- What the maintenance of the database looks at, as views: of this database only, system schemas left out.

CREATE VIEW maintenance.index_usage WITH (security_invoker = true) AS
SELECT
  s.schemaname,
  s.relname,
  s.indexrelname,
  am.amname AS method,
  -- False after a CREATE INDEX CONCURRENTLY or a REINDEX CONCURRENTLY that has failed: kept up by every write, and used by no
  -- query.
  i.indisvalid AS valid,
  i.indisunique AS is_unique,
  s.idx_scan,
  s.last_idx_scan,
  s.idx_tup_read,
  s.idx_tup_fetch,
  pg_relation_size(s.indexrelid) AS bytes,
  pg_size_pretty(pg_relation_size(s.indexrelid)) AS size
FROM pg_catalog.pg_stat_user_indexes AS s
INNER JOIN pg_catalog.pg_index AS i ON i.indexrelid = s.indexrelid
INNER JOIN pg_catalog.pg_class AS c ON c.oid = s.indexrelid
INNER JOIN pg_catalog.pg_am AS am ON am.oid = c.relam;

COMMENT ON VIEW maintenance.index_usage IS
'Every index with its use and size; WHERE method IN (''hnsw'', ''ivfflat'') are those of vectors.';

-- Unique indexes stay, used or not: they hold a rule. Index scans on a standby are counted there.
CREATE VIEW maintenance.unused_indexes WITH (security_invoker = true) AS
SELECT u.schemaname, u.relname, u.indexrelname, u.idx_scan, u.last_idx_scan, u.bytes, u.size, d.stats_reset AS counted_since
FROM maintenance.index_usage AS u
LEFT JOIN pg_catalog.pg_stat_database AS d ON d.datname = current_database()
WHERE NOT u.is_unique AND u.idx_scan < 100;

COMMENT ON VIEW maintenance.unused_indexes IS
'Indexes with less than 100 scans since counted_since (NULL: since the server was made), and no rule to hold.'
' Look again after a whole month before dropping one.';

-- pg_table_size has what is stored out of line (TOAST): that is where vectors of 1536 dimensions are, and not in an index.
CREATE VIEW maintenance.table_sizes WITH (security_invoker = true) AS
SELECT
  s.schemaname,
  s.relname,
  s.n_live_tup AS rows_estimate,
  pg_relation_size(s.relid) AS table_bytes,
  pg_table_size(s.relid) - pg_relation_size(s.relid) AS toast_bytes,
  pg_indexes_size(s.relid) AS index_bytes,
  pg_total_relation_size(s.relid) AS total_bytes,
  pg_size_pretty(pg_total_relation_size(s.relid)) AS total_size
FROM pg_catalog.pg_stat_user_tables AS s;

COMMENT ON VIEW maintenance.table_sizes IS
'Size of each table: rows, what is stored out of line (with free space and visibility maps), indexes, and all together.';

CREATE VIEW maintenance.table_activity WITH (security_invoker = true) AS
SELECT
  s.schemaname,
  s.relname,
  s.n_live_tup,
  s.n_dead_tup,
  s.n_tup_ins + s.n_tup_upd + s.n_tup_del AS total_operations,
  s.seq_scan,
  s.idx_scan,
  s.last_vacuum,
  s.last_autovacuum,
  s.last_analyze,
  s.last_autoanalyze
FROM pg_catalog.pg_stat_user_tables AS s;

COMMENT ON VIEW maintenance.table_activity IS 'Writes, dead rows and the last VACUUM and ANALYZE of each table.';

-- No security_invoker: who counts what is missing need not be able to read test cases.
CREATE VIEW maintenance.missing_embeddings AS
SELECT 'test_documents' AS relname, count(*) AS row_count, count(*) - count(d.embedding) AS missing
FROM qbench.test_documents AS d
UNION ALL
SELECT 'test_steps', count(*), count(*) - count(s.embedding)
FROM qbench.test_steps AS s;

COMMENT ON VIEW maintenance.missing_embeddings IS
'Rows of each table, and how many have no embedding yet. Also what a restored copy is compared by.';

-- migrate:down
DROP VIEW maintenance.missing_embeddings;
DROP VIEW maintenance.table_activity;
DROP VIEW maintenance.table_sizes;
DROP VIEW maintenance.unused_indexes;
DROP VIEW maintenance.index_usage;
