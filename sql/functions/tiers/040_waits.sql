-- Waits for transactions that may use an older list of tables.
--
-- A statement looks up the children of a table when it is planned, and takes its snapshot after that. It would miss rows that move into a
-- table which was attached in between. And a snapshot from before a move needs the table that held the rows. So rows move only into
-- tables that every transaction can know, and a table is dropped only when no snapshot can need it. Both are decided by waiting for the
-- transactions that ran at a certain time, as CREATE INDEX CONCURRENTLY does, without blocking.
--
-- Partitions also have to be announced. A session caches the list of a table's partitions, and an ATTACH invalidates it. If the ATTACH
-- commits while a session is reading the list, PostgreSQL (17 at least) counts its invalidation message as processed and keeps the former
-- list: the session does not know the partition until the next change of the parent, maybe for hours. Such a session used the parent when
-- the ATTACH committed: once these transactions have ended, a second message reaches every session.

-- Running transactions, or those that use one of some tables. Every role may read pg_locks.
CREATE OR REPLACE FUNCTION pgwright.tiers_running(p_relations regclass[] DEFAULT NULL)
RETURNS text[]
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT coalesce(array_agg(DISTINCT l.virtualtransaction), '{}')
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
  JOIN pg_catalog.pg_database AS d ON d.oid = a.datid
  WHERE d.datname = current_database()
    AND l.pid <> pg_backend_pid()
    AND CASE
      WHEN p_relations IS NULL THEN l.locktype = 'virtualxid'
      ELSE l.locktype = 'relation' AND l.database = d.oid AND l.relation = ANY (p_relations)
    END
$$;

-- True once the transactions that a table waits for have ended. The first call after the commit of the change records them.
CREATE OR REPLACE FUNCTION pgwright.tiers_waited(p_set pgwright.tiers_sets, p_relation regclass, p_users_of regclass[] DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_tables text := pgwright.tiers_object(p_set, '_tables');
  v_waits_for text[];
  v_changed_in xid8;
BEGIN
  EXECUTE format('SELECT waits_for, changed_in FROM %s WHERE relation = $1', v_tables)
    INTO STRICT v_waits_for, v_changed_in USING p_relation;
  IF v_waits_for IS NULL THEN
    -- Other sessions see the change only after its commit: transactions that run then count.
    IF v_changed_in = pg_current_xact_id_if_assigned() THEN
      RETURN false;
    END IF;
    v_waits_for := pgwright.tiers_running(p_users_of);
    EXECUTE format('UPDATE %s SET waits_for = $2 WHERE relation = $1', v_tables) USING p_relation, v_waits_for;
  END IF;
  RETURN NOT EXISTS (
    SELECT FROM pg_catalog.pg_locks AS l
    WHERE l.locktype = 'virtualxid' AND l.virtualtransaction = ANY (v_waits_for)
  );
END
$$;

-- Makes each session read the list of partitions again, without blocking: it sets a statistics target to its current value.
CREATE OR REPLACE FUNCTION pgwright.tiers_announce(p_set pgwright.tiers_sets, p_parent regclass)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', p_parent);
  EXECUTE (
    SELECT format(
      'ALTER TABLE ONLY %s ALTER COLUMN %I SET STATISTICS %s', p_parent, a.attname, coalesce(a.attstattarget, -1)
    )
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = p_parent AND a.attname = p_set.config ->> 'time'
  );
END
$$;

-- Relations that a transaction locks before it writes into a table of _wa: the view, whose trigger writes to the table, or the parent.
CREATE OR REPLACE FUNCTION pgwright.tiers_write_relations(p_set pgwright.tiers_sets)
RETURNS regclass[]
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT ARRAY[pgwright.tiers_relation(p_set, ''), pgwright.tiers_relation(p_set, '_wa')]
$$;

-- True once every transaction can know a partition. Advances the state of a new one by one step.
CREATE OR REPLACE FUNCTION pgwright.tiers_make_ready(p_set pgwright.tiers_sets, p_tier text, p_relation regclass)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_parent regclass := pgwright.tiers_relation(p_set, '_' || p_tier);
  v_state text;
BEGIN
  EXECUTE format('SELECT state FROM %s WHERE relation = $1', pgwright.tiers_object(p_set, '_tables')) INTO STRICT v_state USING p_relation;
  IF v_state NOT IN ('attached', 'announced') THEN
    RETURN true;
  END IF;
  IF NOT pgwright.tiers_waited(p_set, p_relation, ARRAY[v_parent]) THEN
    RETURN false;
  END IF;
  IF v_state = 'attached' THEN
    PERFORM pgwright.tiers_announce(p_set, v_parent);
    PERFORM pgwright.tiers_set_state(p_set, p_relation, 'announced');
    RETURN false;
  END IF;
  PERFORM pgwright.tiers_set_state(p_set, p_relation, 'ready');
  RETURN true;
END
$$;

-- Sets the next state of a table, and clears what it waits for.
CREATE OR REPLACE FUNCTION pgwright.tiers_set_state(p_set pgwright.tiers_sets, p_relation regclass, p_state text)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  EXECUTE format(
    'UPDATE %s SET state = $2, waits_for = NULL, changed_in = pg_current_xact_id(), changed_at = clock_timestamp()'
    ' WHERE relation = $1',
    pgwright.tiers_object(p_set, '_tables')
  ) USING p_relation, p_state;
END
$$;
