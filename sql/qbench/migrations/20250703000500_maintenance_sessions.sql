-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- Statements and sessions of others are seen by members of pg_monitor only.

-- Not a view of pg_stat_statements: an update of the extension makes that one anew, which is refused while a view of ours is
-- built on it.
CREATE FUNCTION maintenance.statement_statistics()
RETURNS TABLE (
  queryid bigint,
  query text,
  calls bigint,
  mean_ms double precision,
  max_ms double precision,
  total_ms double precision,
  row_count bigint,
  hit_percent double precision,
  temp_blks_written bigint
)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  RETURN QUERY
    SELECT
      s.queryid,
      s.query,
      s.calls,
      s.mean_exec_time,
      s.max_exec_time,
      s.total_exec_time,
      s.rows,
      100.0::double precision * s.shared_blks_hit / nullif(s.shared_blks_hit + s.shared_blks_read, 0),
      s.temp_blks_written
    FROM extensions.pg_stat_statements AS s
    JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid
    WHERE d.datname = current_database() AND s.toplevel;
END
$$;

COMMENT ON FUNCTION maintenance.statement_statistics() IS
'Statements of this database; temp_blks_written tells of sorts and hashes that did not fit into work_mem.';

CREATE VIEW maintenance.slow_queries WITH (security_invoker = true) AS
SELECT s.queryid, s.query, s.calls, s.mean_ms, s.max_ms, s.total_ms, s.row_count, s.hit_percent, s.temp_blks_written
FROM maintenance.statement_statistics() AS s;

COMMENT ON VIEW maintenance.slow_queries IS
'Statements of this database since pg_stat_statements_reset; ORDER BY mean_ms DESC LIMIT 10 are the slowest.';

-- By the distance operators or the functions that use them, and not by the word "embedding", which is in imports and in these
-- views as well. What pg_stat_statements keeps has no literals, so an operator in a query for words is not taken for one.
CREATE VIEW maintenance.slow_embedding_queries WITH (security_invoker = true) AS
SELECT q.queryid, q.query, q.calls, q.mean_ms, q.max_ms, q.total_ms, q.row_count, q.hit_percent, q.temp_blks_written
FROM maintenance.slow_queries AS q
WHERE q.query ~* '^\s*(select|with|declare)\M' AND q.query ~ '<=>|<->|<#>|<\+>|\msearch_(documents|steps|hybrid)\M';

COMMENT ON VIEW maintenance.slow_embedding_queries IS 'Of maintenance.slow_queries those that search by embedding.';

CREATE VIEW maintenance.connections WITH (security_invoker = true) AS
SELECT
  coalesce(a.state, 'unknown') AS state,
  count(*) AS connection_count,
  max(now() - a.state_change) AS longest,
  m.max_connections,
  round(100.0 * count(*) / m.max_connections, 1) AS percent_of_max
FROM pg_catalog.pg_stat_activity AS a
CROSS JOIN (SELECT current_setting('max_connections')::int AS max_connections) AS m
WHERE a.datname = current_database() AND a.backend_type = 'client backend'
GROUP BY a.state, m.max_connections;

COMMENT ON VIEW maintenance.connections IS 'Connections of clients to this database, by state.';

CREATE VIEW maintenance.busy_sessions WITH (security_invoker = true) AS
SELECT
  a.pid,
  a.usename,
  a.application_name,
  a.state,
  a.xact_start,
  a.query_start,
  a.state_change,
  a.wait_event_type,
  a.wait_event,
  pg_blocking_pids(a.pid) AS blocked_by,
  a.query
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.state <> 'idle';

COMMENT ON VIEW maintenance.busy_sessions IS
'What clients of this database do right now, and for whom they wait; ORDER BY query_start.';

-- The setting idle_in_transaction_session_timeout ends most of them before; who has switched that off for a session is ended
-- here.
CREATE FUNCTION maintenance.end_idle_transactions(p_age interval DEFAULT '1 hour', p_now timestamptz DEFAULT clock_timestamp())
RETURNS TABLE (pid int, usename name, idle_since timestamptz)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  IF p_age IS NULL OR p_age < interval '0' OR p_now IS NULL OR NOT isfinite(p_now) THEN
    RAISE EXCEPTION 'p_age must not be negative and p_now be a finite time, not % and %',
      coalesce(p_age::text, 'NULL'), coalesce(p_now::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Sessions of a superuser are the superuser's to end: pg_signal_backend cannot, and one refusal would stop the others from
  -- being ended.
  RETURN QUERY
    SELECT i.pid, i.usename, i.state_change
    FROM (
      SELECT a.pid, a.usename, a.state_change
      FROM pg_catalog.pg_stat_activity AS a
      JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
      WHERE a.datname = current_database() AND a.state IN ('idle in transaction', 'idle in transaction (aborted)')
        AND a.state_change < p_now - p_age AND a.pid <> pg_backend_pid() AND NOT r.rolsuper
      OFFSET 0
    ) AS i
    WHERE pg_terminate_backend(i.pid);
END
$$;

COMMENT ON FUNCTION maintenance.end_idle_transactions(interval, timestamptz) IS
'Ends sessions that have done nothing in an open transaction for so long, and returns them.'
' Takes pg_signal_backend and pg_read_all_stats.';

-- migrate:down
DROP FUNCTION maintenance.end_idle_transactions(interval, timestamptz);
DROP VIEW maintenance.busy_sessions;
DROP VIEW maintenance.connections;
DROP VIEW maintenance.slow_embedding_queries;
DROP VIEW maintenance.slow_queries;
DROP FUNCTION maintenance.statement_statistics();
