-- What the maintenance looks at: names that are there, figures that are right, and who may see them.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE qbench_owner;

INSERT INTO qbench.test_documents (test_key, title) SELECT format('MISSING-%s', n), 'not embedded' FROM generate_series(1, 10) AS n;

-- Twice a key, so the unique index cannot be built: a concurrent build would leave it behind. Here it is made invalid by hand.
CREATE INDEX idx_test_invalid ON qbench.test_steps (step_index);
RESET ROLE;
UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = 'qbench.idx_test_invalid'::regclass;
SET LOCAL ROLE qbench_monitor;

DO $$
DECLARE
  v_missing bigint := (SELECT m.missing FROM maintenance.missing_embeddings AS m WHERE m.relname = 'test_documents');
BEGIN
  ASSERT v_missing >= 10, format('%s without an embedding', v_missing);
  ASSERT (
    SELECT m.row_count >= m.missing FROM maintenance.missing_embeddings AS m WHERE m.relname = 'test_documents'
  ), 'of more rows';

  ASSERT (
    SELECT u.method = 'gin' AND u.valid AND u.bytes > 0 AND NOT u.is_unique
    FROM maintenance.index_usage AS u WHERE u.schemaname = 'qbench' AND u.indexrelname = 'idx_test_documents_search'
  ), 'an index';
  ASSERT (SELECT NOT u.valid FROM maintenance.index_usage AS u WHERE u.indexrelname = 'idx_test_invalid'), 'an invalid one';
  ASSERT EXISTS (SELECT FROM maintenance.unused_indexes AS u WHERE u.indexrelname = 'idx_test_invalid'), 'that nobody uses';
  ASSERT NOT EXISTS (SELECT FROM maintenance.unused_indexes AS u WHERE u.indexrelname LIKE '%pkey'), 'keys are not unused';

  ASSERT (
    SELECT t.total_bytes = t.table_bytes + t.toast_bytes + t.index_bytes AND t.table_bytes > 0
    FROM maintenance.table_sizes AS t WHERE t.schemaname = 'qbench' AND t.relname = 'test_documents'
  ), 'sizes add up';
  ASSERT EXISTS (SELECT FROM maintenance.table_activity AS a WHERE a.relname = 'test_documents'), 'activity';
  ASSERT (SELECT sum(c.connection_count) >= 1 AND bool_and(c.max_connections > 1) FROM maintenance.connections AS c), 'connections';
  ASSERT EXISTS (SELECT FROM maintenance.busy_sessions AS b WHERE b.pid = pg_backend_pid() AND b.state = 'active'), 'this session';

  ASSERT EXISTS (
    SELECT FROM maintenance.alarms() AS a WHERE a.alarm = 'invalid index' AND a.detail LIKE '%idx_test_invalid%'
  ), 'an invalid index is an alarm';
  ASSERT EXISTS (SELECT FROM maintenance.alarms(p_database_bytes => 1) AS a WHERE a.alarm = 'database size'), 'a size over its limit';
  ASSERT EXISTS (SELECT FROM maintenance.alarms(p_connections_percent => 0) AS a WHERE a.alarm = 'connections'), 'connections';
  ASSERT NOT EXISTS (
    SELECT FROM maintenance.alarms(NULL, NULL, NULL, NULL) AS a WHERE a.alarm <> 'invalid index'
  ), 'NULL switches a limit off';

  BEGIN
    PERFORM FROM qbench.test_documents;
    ASSERT false, 'who watches reads no test case';
  EXCEPTION WHEN insufficient_privilege THEN
    NULL;
  END;

  BEGIN
    PERFORM maintenance.end_idle_transactions();
    ASSERT false, 'and ends no session';
  EXCEPTION WHEN insufficient_privilege THEN
    NULL;
  END;
END
$$;

SET LOCAL ROLE qbench_keeper;

DO $$
DECLARE
  v_rows bigint;
BEGIN
  v_rows := maintenance.sample_sizes(p_now => '2050-01-01 00:00+00');
  ASSERT v_rows >= 4, format('%s tables', v_rows);
  ASSERT maintenance.sample_sizes(p_now => '2050-01-01 00:00+00') = 0, 'not twice';
  ASSERT maintenance.sample_sizes('30 days', '2050-02-15 00:00+00') > 0, 'again';
  ASSERT NOT EXISTS (SELECT FROM maintenance.size_samples AS s WHERE s.sampled_at < '2050-01-16 00:00+00'), 'old samples go';
  ASSERT (
    SELECT s.total_bytes > 1000000 FROM maintenance.size_samples AS s WHERE s.relname = '*' AND s.sampled_at = '2050-02-15 00:00+00'
  ), 'the database';
END
$$;
ROLLBACK;
