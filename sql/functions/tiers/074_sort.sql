-- Compaction: sorts the rows of a range of _partition and _spill again.
--
-- The rows move from both into a table of _wa, where ranges may overlap. When no snapshot needs the emptied partition any more, it is
-- truncated and filled in order. Rows are written twice, but no session waits for a lock, and a run can end after any step. The table of
-- _wa is a ready one, which all transactions know.

-- The table of _wa that holds the rows of a range during the sort.
CREATE OR REPLACE FUNCTION pgwright.tiers_staging(p_set pgwright.tiers_sets, p_lower timestamptz)
RETURNS regclass
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_relation regclass;
BEGIN
  EXECUTE format(
    'SELECT relation FROM %s WHERE state = ''staging'' AND lower_bound = $1', pgwright.tiers_object(p_set, '_tables')
  ) INTO v_relation USING p_lower;
  RETURN v_relation;
END
$$;

-- Ranges whose sort has begun, and with p_queued those with rows out of order.
CREATE OR REPLACE FUNCTION pgwright.tiers_sorts(p_schema name, p_name name, p_queued boolean)
RETURNS timestamptz[]
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_load(p_schema, p_name);
  v_times timestamptz[];
BEGIN
  EXECUTE format(
    'SELECT coalesce(array_agg(DISTINCT x.t ORDER BY x.t), ''{}'') FROM ('
    ' SELECT lower_bound FROM %s WHERE state = ''staging'' UNION ALL SELECT range_start FROM %s WHERE $1) AS x (t)',
    pgwright.tiers_object(v_set, '_tables'), pgwright.tiers_object(v_set, '_sort_queue')
  ) INTO v_times USING p_queued;
  RETURN v_times;
END
$$;

-- Assigns a ready table to a range; false if only one is ready, which the next roll needs.
CREATE OR REPLACE FUNCTION pgwright.tiers_stage(p_set pgwright.tiers_sets, p_lower timestamptz, p_upper timestamptz)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_ready regclass[];
BEGIN
  -- Not during a roll, which may use the same table.
  IF pgwright.tiers_enter(p_set.schema_name, p_set.set_name, 'roll') IS NULL THEN
    RETURN false;
  END IF;
  PERFORM pgwright.tiers_supply_wa(p_set, 2);
  v_ready := pgwright.tiers_tables(p_set, 'wa', 'ready');
  IF cardinality(v_ready) < 2 THEN
    RETURN false;
  END IF;
  PERFORM pgwright.tiers_set_state(p_set, v_ready[1], 'staging');
  EXECUTE format('UPDATE %s SET lower_bound = $2, upper_bound = $3 WHERE relation = $1', pgwright.tiers_object(p_set, '_tables'))
    USING v_ready[1], p_lower, p_upper;
  RETURN true;
END
$$;

-- One step, a transaction: 'wait' means that another step has to follow.
CREATE OR REPLACE FUNCTION pgwright.tiers_sort_step(p_schema name, p_name name, p_for timestamptz)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET lock_timeout = '200ms'
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_enter(p_schema, p_name, 'move');
  v_main record;
  v_staging regclass;
  v_spill regclass;
BEGIN
  IF v_set IS NULL THEN
    RETURN 'wait';
  END IF;
  PERFORM pgwright.tiers_finite(p_for);
  SELECT p.* INTO v_main FROM pgwright.tiers_partition_at(v_set, 'partition', p_for) AS p;
  IF v_main.relation IS NULL THEN
    -- Expired in the meantime: the staged rows move like new ones.
    v_staging := pgwright.tiers_staging(v_set, p_for);
    EXECUTE format('DELETE FROM %s WHERE range_start = $1', pgwright.tiers_object(v_set, '_sort_queue')) USING p_for;
    IF v_staging IS NOT NULL THEN
      PERFORM pgwright.tiers_set_state(v_set, v_staging, 'sealed');
      RETURN 'done';
    END IF;
    RETURN 'none';
  END IF;
  v_staging := pgwright.tiers_staging(v_set, v_main.lower_bound);

  IF v_main.state = 'loaded' AND v_staging IS NULL THEN
    PERFORM pgwright.tiers_stage(v_set, v_main.lower_bound, v_main.upper_bound);
    RETURN 'wait';
  ELSIF v_staging IS NULL THEN
    RETURN 'done';
  ELSIF v_main.state = 'loaded' THEN
    PERFORM pgwright.tiers_move(
      v_set, ARRAY[pgwright.tiers_relation(v_set, '_partition'), pgwright.tiers_relation(v_set, '_spill')],
      v_staging, v_main.lower_bound, v_main.upper_bound
    );
    PERFORM pgwright.tiers_enqueue_analyze(v_set, v_staging);
    IF pgwright.tiers_is_empty(v_main.relation) THEN
      PERFORM pgwright.tiers_set_state(v_set, v_main.relation, 'emptied');
    END IF;
    RETURN 'wait';
  ELSIF v_main.state = 'emptied' THEN
    IF NOT pgwright.tiers_waited(v_set, v_main.relation) THEN
      RETURN 'wait';
    END IF;
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', v_main.relation);
    IF NOT pgwright.tiers_is_empty(v_main.relation) THEN
      PERFORM pgwright.tiers_set_state(v_set, v_main.relation, 'loaded');
      RETURN 'wait';
    END IF;
    EXECUTE format('TRUNCATE ONLY %s', v_main.relation);
    PERFORM pgwright.tiers_set_state(v_set, v_main.relation, 'attached'); -- a partition that was attached outside of pgwright was never announced
    RETURN 'wait'; -- commits, which releases the lock before the rows are written
  ELSIF NOT pgwright.tiers_make_ready(v_set, 'partition', v_main.relation) THEN
    RETURN 'wait';
  END IF;

  PERFORM pgwright.tiers_move(
    v_set, ARRAY[v_staging, pgwright.tiers_relation(v_set, '_spill')],
    v_main.relation, v_main.lower_bound, v_main.upper_bound
  );
  PERFORM pgwright.tiers_summarize(v_main.relation);
  PERFORM pgwright.tiers_set_state(v_set, v_main.relation, 'loaded');
  PERFORM pgwright.tiers_enqueue_analyze(v_set, v_main.relation);
  -- A row whose time was changed meanwhile stays in the table, and moves like a new one.
  PERFORM pgwright.tiers_set_state(v_set, v_staging, 'sealed');
  FOR v_spill IN
    SELECT p.relation FROM pgwright.tiers_ranges(v_set, 'spill') AS p
    WHERE p.lower_bound >= v_main.lower_bound AND p.upper_bound <= v_main.upper_bound
  LOOP
    IF pgwright.tiers_is_empty(v_spill) THEN
      PERFORM pgwright.tiers_set_state(v_set, v_spill, 'emptied');
      EXECUTE format('DELETE FROM %s WHERE relation = $1', pgwright.tiers_object(v_set, '_sort_queue')) USING v_spill;
    END IF;
  END LOOP;
  EXECUTE format(
    'DELETE FROM %s AS q WHERE q.range_start >= $1 AND q.range_start < $2'
    ' AND NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = q.relation)',
    pgwright.tiers_object(v_set, '_sort_queue')
  ) USING v_main.lower_bound, v_main.upper_bound;
  RETURN 'done';
END
$$;
