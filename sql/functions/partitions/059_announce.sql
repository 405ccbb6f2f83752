-- Announces new partitions to all sessions.
--
-- A session caches the list of a table's partitions, and an ATTACH invalidates it. If the ATTACH commits while a session is reading the
-- list, PostgreSQL (17 at least) counts its invalidation message as processed and keeps the former list: the session does not know the
-- partition until the next change of the parent. It does not see the rows of the partition, and its own rows are refused or
-- go to DEFAULT (with a DEFAULT partition, the parent is locked for the ATTACH). Such a session used the parent when the ATTACH committed:
-- once these transactions have ended, a second message reaches every session.

-- Partitions that are not announced yet.
CREATE OR REPLACE FUNCTION pgwright.partition_unannounced(p_parent text)
RETURNS oid[]
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT coalesce(array_agg(k.partition), '{}')
  FROM pgwright.partitions_known AS k WHERE k.parent = p_parent AND k.state = 'attached' AND NOT k.announced
$$;

-- Makes each session read the list of partitions again, without blocking: it sets a statistics target to its current value.
CREATE OR REPLACE FUNCTION pgwright.partition_announce(p_parent text, p_partitions oid[])
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_parent regclass := to_regclass(p_parent);
BEGIN
  EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', v_parent);
  EXECUTE (
    SELECT format(
      'ALTER TABLE ONLY %s ALTER COLUMN %I SET STATISTICS %s', v_parent, a.attname, coalesce(a.attstattarget, -1)
    )
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = v_parent AND a.attname = (SELECT k.key_column FROM pgwright.partition_key(v_parent) AS k)
  );
  PERFORM pgwright.partition_note_announced(p_parent, p_partitions);
END
$$;

-- The end of a run.
CREATE OR REPLACE PROCEDURE pgwright.partition_announce_run(p_parent text, INOUT p_errors text[])
LANGUAGE plpgsql
AS $$
DECLARE
  -- No session reads a list for longer: a run does not wait for long transactions.
  c_patience CONSTANT interval := '2 seconds';
  v_until pg_catalog.timestamptz;
  v_new pg_catalog.oid[];
  v_users pg_catalog.text[];
  v_again boolean;
  v_error pg_catalog.text;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  v_until := clock_timestamp() + c_patience;
  LOOP
    v_again := false;
    v_error := NULL;
    BEGIN
      IF pgwright.partition_begin(p_parent) THEN
        -- First the partitions to announce, then the transactions that have to end before.
        v_new := coalesce(v_new, pgwright.partition_unannounced(p_parent));
        IF v_new <> '{}' THEN
          v_users := pgwright.partition_users(p_parent, 'announce', NULL, v_users);
          v_again := v_users <> '{}' AND clock_timestamp() < v_until;
          IF NOT v_again THEN
            PERFORM pg_catalog.set_config('lock_timeout', '100ms', true);
            PERFORM pgwright.partition_announce(p_parent, v_new);
          END IF;
        END IF;
      ELSE
        v_again := true;
      END IF;
    EXCEPTION
      WHEN lock_not_available OR deadlock_detected THEN
        v_again := true;
        v_error := SQLERRM;
      WHEN OTHERS THEN
        v_error := SQLERRM;
    END;
    COMMIT;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    EXIT WHEN NOT v_again OR clock_timestamp() > v_until + c_patience;
    PERFORM pg_catalog.pg_sleep(0.02);
  END LOOP;
  IF v_error IS NOT NULL THEN
    p_errors := p_errors || format('new partitions are not announced; the next run retries: %s', v_error);
  END IF;
END
$$;
