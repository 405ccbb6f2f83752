-- Moves rows by DELETE and INSERT in one statement, so that each snapshot has them exactly once.

-- Moves the rows of a range, sorted. Sources are tables, or parents of which the partitions of the range are used.
CREATE OR REPLACE FUNCTION pgwright.tiers_move(
  p_set pgwright.tiers_sets,
  p_sources regclass[],
  p_target regclass,
  p_lower timestamptz,
  p_upper timestamptz
)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
  v_plain text;
  v_skipping text;
  v_union text;
  v_insert text;
  v_rows bigint;
BEGIN
  -- The range is written as literals, so that partitions outside of it are not even locked.
  SELECT
    string_agg(format(
      'm%s AS (DELETE FROM %s AS t WHERE t.%I >= %L AND t.%3$I < %5$L RETURNING %6$s)',
      s.n, s.source, p_set.config ->> 'time', p_lower, p_upper, pgwright.tiers_columns(p_set, 't.')
    ), ', ' ORDER BY s.n),
    string_agg(format(
      'k%1$s AS MATERIALIZED (SELECT k.tableoid AS o, k.ctid AS c FROM %2$s AS k WHERE k.%3$I >= %4$L AND k.%3$I < %5$L FOR UPDATE SKIP LOCKED),'
      ' m%1$s AS (DELETE FROM %2$s AS t USING k%1$s AS k WHERE t.tableoid = k.o AND t.ctid = k.c'
      ' AND t.%3$I >= %4$L AND t.%3$I < %5$L RETURNING %6$s)',
      s.n, s.source, p_set.config ->> 'time', p_lower, p_upper, pgwright.tiers_columns(p_set, 't.')
    ), ', ' ORDER BY s.n),
    string_agg(format('SELECT %s FROM m%s', pgwright.tiers_columns(p_set), s.n), ' UNION ALL ' ORDER BY s.n)
  INTO v_plain, v_skipping, v_union
  FROM unnest(p_sources) WITH ORDINALITY AS s (source, n);
  IF v_union IS NULL THEN
    RETURN 0;
  END IF;
  v_insert := format(
    ' INSERT INTO %s (%s) SELECT %2$s FROM (%s) AS moved ORDER BY %s',
    p_target, pgwright.tiers_columns(p_set), v_union, pgwright.tiers_sort_columns(p_set)
  );
  BEGIN
    EXECUTE 'WITH ' || v_plain || v_insert;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
  EXCEPTION WHEN lock_not_available THEN
    -- Another transaction has locked a row: the next run moves it.
    EXECUTE 'WITH ' || v_skipping || v_insert;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
  END;
  RETURN v_rows;
END
$$;

-- Summarizes the BRIN index: queries read block ranges without a summary completely.
CREATE OR REPLACE FUNCTION pgwright.tiers_summarize(p_relation regclass)
RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT brin_summarize_new_values(i.indexrelid::regclass)
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
  WHERE i.indrelid = p_relation AND m.amname = 'brin'
$$;

-- A partition that rows may move into: creates it, or returns NULL while transactions run that cannot know it.
CREATE OR REPLACE FUNCTION pgwright.tiers_ready_partition(
  p_set pgwright.tiers_sets,
  p_tier text,
  p_time timestamptz,
  p_lower timestamptz,
  p_upper timestamptz
)
RETURNS regclass
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_partition record;
BEGIN
  SELECT p.* INTO v_partition FROM pgwright.tiers_partition_at(p_set, p_tier, p_time) AS p;
  IF NOT FOUND THEN
    -- Without overlap with a neighbour of another width.
    PERFORM pgwright.tiers_create_table(
      p_set, p_tier, 'attached',
      greatest(p_lower, max(n.upper_bound) FILTER (WHERE n.upper_bound <= p_time)),
      least(p_upper, min(n.lower_bound) FILTER (WHERE n.lower_bound > p_time))
    )
    FROM pgwright.tiers_ranges(p_set, p_tier) AS n;
    RETURN NULL;
  END IF;
  IF v_partition.state = 'emptied' THEN
    PERFORM pgwright.tiers_set_state(p_set, v_partition.relation, 'attached');
    RETURN NULL;
  ELSIF NOT pgwright.tiers_make_ready(p_set, p_tier, v_partition.relation) THEN
    RETURN NULL;
  END IF;
  RETURN v_partition.relation;
END
$$;

-- Records which transactions cannot know new partitions, as early as possible: later there would be more to wait for.
-- With p_now it first creates those that the next run will need, so that only transactions of ten minutes and more delay that run.
CREATE OR REPLACE FUNCTION pgwright.tiers_prepare(p_schema name, p_name name, p_now timestamptz)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET lock_timeout = '200ms'
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_enter(p_schema, p_name, 'move');
  v_width interval := pgwright.tiers_minutes(v_set);
  v_tier text;
  v_partition record;
  v_time timestamptz;
BEGIN
  IF v_set IS NULL THEN
    RETURN;
  END IF;
  FOREACH v_tier IN ARRAY ARRAY['wa_partition', 'partition', 'spill'] LOOP
    FOR v_partition IN
      SELECT r.* FROM pgwright.tiers_ranges(v_set, v_tier) AS r WHERE r.state IN ('attached', 'announced')
    LOOP
      BEGIN
        PERFORM pgwright.tiers_make_ready(v_set, v_tier, v_partition.relation);
      EXCEPTION WHEN lock_not_available THEN NULL; -- such as an ANALYZE of the parent
      END;
    END LOOP;
  END LOOP;
  -- A set without writes needs none.
  FOR v_time IN
    SELECT pgwright.tiers_floor(p_now, v_width) + x.n * v_width FROM generate_series(0, 1) AS x (n)
    WHERE p_now IS NOT NULL AND (
      cardinality(pgwright.tiers_tables(v_set, 'wa', 'closed', 'sealed')) > 0
      OR NOT pgwright.tiers_is_empty((pgwright.tiers_tables(v_set, 'wa', 'active'))[1])
    )
  LOOP
    IF NOT EXISTS (SELECT FROM pgwright.tiers_partition_at(v_set, 'partition', v_time))
      AND NOT EXISTS (SELECT FROM pgwright.tiers_partition_at(v_set, 'wa_partition', v_time))
    THEN
      PERFORM pgwright.tiers_create_table(v_set, 'wa_partition', 'attached', v_time, v_time + v_width);
    END IF;
  END LOOP;
END
$$;

-- Moves the rows of a time in _wa, and below the cutoff those of _wa_partition, to the next tier. One step, a transaction.
CREATE OR REPLACE FUNCTION pgwright.tiers_move_step(p_schema name, p_name name, p_now timestamptz, p_time timestamptz)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET lock_timeout = '200ms'
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_enter(p_schema, p_name, 'move');
  v_sources regclass[];
  v_main record;
  v_target regclass;
  v_lower timestamptz;
  v_upper timestamptz;
  v_rows bigint;
BEGIN
  IF v_set IS NULL THEN
    RETURN 'wait';
  END IF;
  v_sources := pgwright.tiers_tables(v_set, 'wa', 'closed', 'sealed');
  SELECT p.* INTO v_main FROM pgwright.tiers_partition_at(v_set, 'partition', p_time) AS p;

  IF v_main.relation IS NULL AND p_time >= pgwright.tiers_cutoff(v_set, p_now) THEN
    v_lower := pgwright.tiers_floor(p_time, pgwright.tiers_minutes(v_set));
    v_upper := v_lower + pgwright.tiers_minutes(v_set);
    v_target := pgwright.tiers_ready_partition(v_set, 'wa_partition', p_time, v_lower, v_upper);
    IF v_target IS NULL THEN
      RETURN 'wait';
    END IF;
    v_rows := pgwright.tiers_move(v_set, v_sources, v_target, v_lower, v_upper);
    PERFORM pgwright.tiers_enqueue_analyze(v_set, v_target) WHERE v_rows > 0;
    RETURN 'done';
  END IF;

  v_sources := v_sources || pgwright.tiers_relation(v_set, '_wa_partition');
  IF v_main.relation IS NULL THEN
    SELECT g.* INTO v_lower, v_upper
    FROM pgwright.tiers_gap(v_set, 'partition', p_time, pgwright.tiers_hours(v_set)) AS g;
  ELSE
    v_lower := v_main.lower_bound;
    v_upper := v_main.upper_bound;
  END IF;

  -- A partition is filled once, in order. Later rows would be out of order and go to the spill.
  IF v_main.relation IS NULL
    OR v_main.state IN ('attached', 'announced', 'ready') AND pgwright.tiers_staging(v_set, v_main.lower_bound) IS NULL
  THEN
    v_target := pgwright.tiers_ready_partition(v_set, 'partition', p_time, v_lower, v_upper);
    IF v_target IS NULL THEN
      RETURN 'wait';
    END IF;
    v_rows := pgwright.tiers_move(v_set, v_sources, v_target, v_lower, v_upper);
    IF v_rows > 0 THEN
      PERFORM pgwright.tiers_summarize(v_target);
      PERFORM pgwright.tiers_set_state(v_set, v_target, 'loaded');
      PERFORM pgwright.tiers_enqueue_analyze(v_set, v_target);
    END IF;
    RETURN 'done';
  END IF;

  v_target := pgwright.tiers_ready_partition(v_set, 'spill', p_time, v_lower, v_upper);
  IF v_target IS NULL THEN
    RETURN 'wait';
  END IF;
  SELECT greatest(v_lower, p.lower_bound), least(v_upper, p.upper_bound) INTO v_lower, v_upper
  FROM pgwright.tiers_partition_at(v_set, 'spill', p_time) AS p;
  v_rows := pgwright.tiers_move(v_set, v_sources, v_target, v_lower, v_upper);
  IF v_rows > 0 THEN
    EXECUTE format(
      'INSERT INTO %s (relation, range_start, unsorted_count) VALUES ($1, $2, $3)',
      pgwright.tiers_object(v_set, '_sort_queue')
    ) USING v_target, v_lower, v_rows;
    PERFORM pgwright.tiers_enqueue_analyze(v_set, v_target);
  END IF;
  RETURN 'done';
END
$$;

-- Times, one per step: of rows in closed tables of _wa, or of partitions below the cutoff.
CREATE OR REPLACE FUNCTION pgwright.tiers_moves(p_schema name, p_name name, p_now timestamptz, p_tier text)
RETURNS timestamptz[]
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.tiers_sets := pgwright.tiers_enter(p_schema, p_name, 'look ' || p_tier);
  v_cutoff timestamptz;
  v_table text;
  v_times timestamptz[] := '{}';
  v_found timestamptz[];
  v_steps timestamptz[];
BEGIN
  IF v_set IS NULL THEN
    RETURN '{}';
  END IF;
  PERFORM pgwright.tiers_finite(p_now);
  PERFORM pgwright.tiers_sync(v_set, true);
  v_cutoff := pgwright.tiers_cutoff(v_set, p_now);
  IF p_tier = 'wa' THEN
    FOR v_table IN
      SELECT k.name FROM unnest(pgwright.tiers_tables(v_set, 'wa', 'closed', 'sealed')) AS t (relation)
      CROSS JOIN LATERAL pgwright.tiers_keep(t.relation) AS k (name)
      WHERE k.name IS NOT NULL
    LOOP
      EXECUTE format(
        'SELECT array_agg(DISTINCT pgwright.tiers_floor(t.%I, $1)) FROM ONLY %s AS t', v_set.config ->> 'time', v_table
      ) INTO v_found USING pgwright.tiers_minutes(v_set);
      v_times := v_times || v_found;
    END LOOP;
  ELSE
    SELECT coalesce(array_agg(p.lower_bound), '{}') INTO v_times
    FROM pgwright.tiers_ranges(v_set, 'wa_partition') AS p
    WHERE p.upper_bound <= v_cutoff AND NOT pgwright.tiers_is_empty(p.relation);
  END IF;
  -- Times of one range below the cutoff are one step.
  SELECT coalesce(array_agg(x.first ORDER BY x.first), '{}') INTO v_steps
  FROM (
    SELECT min(t.time) AS first
    FROM unnest(v_times) AS t (time)
    LEFT JOIN pgwright.tiers_ranges(v_set, 'partition') AS p ON p.lower_bound <= t.time AND p.upper_bound > t.time
    GROUP BY coalesce(
      p.lower_bound,
      CASE WHEN t.time < v_cutoff THEN pgwright.tiers_floor(t.time, pgwright.tiers_hours(v_set)) ELSE t.time END
    )
  ) AS x;
  RETURN v_steps;
END
$$;
