-- New partitions are announced.
--
-- A session keeps the list of a table's partitions, and an ATTACH makes it read the list anew. Where the ATTACH commits while a
-- session is reading, PostgreSQL (17 at least) takes its message for done with and keeps what was read before: the session then knows
-- nothing of the partition until the next change of the parent. It does not see the rows in it, and its own are refused. Who could be
-- reading used the parent when the ATTACH committed: once those have ended, another message reaches everybody.

-- Whether partitions were attached since the last announcement.
CREATE OR REPLACE FUNCTION pgwright.partition_unannounced(p_parent text)
RETURNS boolean
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT EXISTS (
    SELECT FROM pgwright.partitions_known AS k
    JOIN pgwright.partition_sets AS s ON s.parent = k.parent
    WHERE k.parent = p_parent AND k.state = 'attached' AND (s.announced IS NULL OR k.since >= s.announced)
  )
$$;

-- Makes each session read the list of partitions anew; blocks nobody. What it sets is what was set before.
CREATE OR REPLACE FUNCTION pgwright.partition_announce(p_parent text)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_parent regclass := to_regclass(p_parent);
BEGIN
  EXECUTE (
    SELECT format(
      'ALTER TABLE ONLY %s ALTER COLUMN %I SET STATISTICS %s', v_parent, a.attname, coalesce(a.attstattarget, -1)
    )
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = v_parent AND a.attname = (SELECT k.key_column FROM pgwright.partition_key(v_parent) AS k)
  );
  PERFORM pgwright.partition_note_announced(p_parent);
END
$$;

-- What a run does at its end, after its partitions were attached.
CREATE OR REPLACE PROCEDURE pgwright.partition_announce_run(p_parent text, INOUT p_errors text[])
LANGUAGE plpgsql
AS $$
DECLARE
  -- Nobody reads the list as long as this: transactions that do not end are not waited for.
  c_patience CONSTANT interval := '10 seconds';
  v_until timestamptz := clock_timestamp() + c_patience;
  v_users text[];
  v_error text;
BEGIN
  LOOP
    v_users := pgwright.partition_users(p_parent, 'announce', NULL, 0, v_users);
    EXIT WHEN v_users = '{}' OR clock_timestamp() > v_until;
    COMMIT;
    PERFORM pg_catalog.pg_sleep(0.02);
  END LOOP;
  COMMIT;
  v_until := clock_timestamp() + c_patience;
  LOOP
    v_error := NULL;
    BEGIN
      IF pgwright.partition_begin(p_parent) AND pgwright.partition_unannounced(p_parent) THEN
        PERFORM pg_catalog.set_config('lock_timeout', '100ms', true);
        PERFORM pgwright.partition_announce(p_parent);
      END IF;
    EXCEPTION WHEN OTHERS THEN
      v_error := SQLERRM;
    END;
    COMMIT;
    EXIT WHEN v_error IS NULL OR clock_timestamp() > v_until;
    PERFORM pg_catalog.pg_sleep(0.1);
  END LOOP;
  IF v_error IS NOT NULL THEN
    p_errors := p_errors || format('announce new partitions: %s', v_error);
  END IF;
END
$$;
