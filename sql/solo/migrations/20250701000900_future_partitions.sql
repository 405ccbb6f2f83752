-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- TimeZone and DateStyle are set because pg_get_expr prints bounds with them: the text read here must parse everywhere.
CREATE FUNCTION metrics.range_partitions(p_parent regclass)
RETURNS TABLE (
  partition_oid oid,
  partition_schema name,
  partition_name name,
  lower_bound timestamptz,
  upper_bound timestamptz,
  is_default boolean
)
LANGUAGE sql
STABLE
STRICT
SECURITY INVOKER
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
  SELECT
    c.oid,
    n.nspname,
    c.relname,
    CASE b.bounds[1] WHEN 'MINVALUE' THEN '-infinity' ELSE btrim(b.bounds[1], '''')::timestamptz END,
    CASE b.bounds[2] WHEN 'MAXVALUE' THEN 'infinity' ELSE btrim(b.bounds[2], '''')::timestamptz END,
    b.bounds IS NULL
  FROM pg_catalog.pg_inherits AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (
    SELECT regexp_match(pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM \((.+)\) TO \((.+)\)$') AS bounds
  ) AS b
  WHERE i.inhparent = p_parent AND NOT i.inhdetachpending
$$;

COMMENT ON FUNCTION metrics.range_partitions(regclass) IS
'Partitions of a table that is RANGE partitioned by one timestamptz column, with their bounds as values.';

-- lock_timeout: better to fail and let the next run try than to queue every reader behind this one.
CREATE FUNCTION metrics.create_future_partitions(months_ahead int DEFAULT 3, p_now timestamptz DEFAULT now())
RETURNS TABLE (
  partition_name text,
  from_time timestamptz,
  to_time timestamptz,
  rows_moved bigint
)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
SET lock_timeout = '5s'
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
  v_month timestamp;
  v_parent regclass;
  v_parent_name text;
  v_owner name;
  v_columns text;
  v_default regclass;
  v_child text;
  v_overlapping text;
  v_covered boolean;
BEGIN
  IF months_ahead IS NULL OR months_ahead NOT BETWEEN 0 AND 120 THEN
    RAISE EXCEPTION 'months_ahead must be between 0 and 120, not %', coalesce(months_ahead::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF p_now IS NULL OR NOT isfinite(p_now) THEN
    RAISE EXCEPTION 'p_now must be a finite time, not %', coalesce(p_now::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;

  -- One run at a time; a second one waits here and then finds nothing to do.
  PERFORM pg_advisory_xact_lock(hashtextextended('metrics.create_future_partitions', 0));

  FOREACH v_parent IN ARRAY ARRAY['metrics.system_metrics', 'metrics.llm_metrics']::regclass[] LOOP
    SELECT c.relname, pg_get_userbyid(c.relowner)
    INTO STRICT v_parent_name, v_owner
    FROM pg_catalog.pg_class AS c
    WHERE c.oid = v_parent;

    -- A partition must belong to the owner of its parent and get the default privileges of that role.
    IF v_owner <> current_user THEN
      RAISE EXCEPTION 'partitions of % are created by its owner %, not by %', v_parent, v_owner, current_user
        USING ERRCODE = 'insufficient_privilege', HINT = format('SET ROLE %I first.', v_owner);
    END IF;

    -- The parent first, always: the order in which everybody else locks. Writers are not blocked.
    EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', v_parent);

    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
    INTO STRICT v_columns
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = v_parent AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';

    v_default := NULL;

    FOR v_offset IN 0..months_ahead LOOP
      -- Months of UTC, whatever the TimeZone of the session.
      v_month := date_trunc('month', p_now AT TIME ZONE 'UTC') + make_interval(months => v_offset);
      from_time := v_month AT TIME ZONE 'UTC';
      to_time := (v_month + interval '1 month') AT TIME ZONE 'UTC';
      v_child := format('%s_y%sm%s', v_parent_name, to_char(v_month, 'YYYY'), to_char(v_month, 'MM'));

      -- By bounds, not by name: a month is there when partitions cover it, whatever they are called.
      SELECT
        string_agg(format('%I.%I', p.partition_schema, p.partition_name), ', ' ORDER BY p.lower_bound),
        range_agg(tstzrange(p.lower_bound, p.upper_bound)) @> tstzrange(from_time, to_time)
      INTO v_overlapping, v_covered
      FROM metrics.range_partitions(v_parent) AS p
      WHERE NOT p.is_default AND p.lower_bound < to_time AND p.upper_bound > from_time;

      CONTINUE WHEN v_covered;

      IF v_overlapping IS NOT NULL THEN
        RAISE EXCEPTION 'cannot create the partition of % for % to %: % cover only a part of it',
          v_parent, v_month, v_month + interval '1 month', v_overlapping
          USING ERRCODE = 'invalid_object_definition',
            HINT = 'Create a partition for the rest of the month by hand, or detach the ones named.';
      END IF;

      IF EXISTS (
        SELECT FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'metrics'::regnamespace AND c.relname = v_child
      ) THEN
        RAISE EXCEPTION 'metrics.% exists and is not the partition of % for % to %',
          quote_ident(v_child), v_parent, v_month, v_month + interval '1 month'
          USING ERRCODE = 'duplicate_table', HINT = 'Rename or drop it, or attach it with these bounds.';
      END IF;

      -- ATTACH takes this lock anyway; taken now, no row can arrive between the move and the ATTACH.
      IF v_default IS NULL THEN
        SELECT p.partition_oid INTO v_default FROM metrics.range_partitions(v_parent) AS p WHERE p.is_default;
        IF FOUND THEN
          EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', v_default);
        END IF;
      END IF;

      -- Not PARTITION OF, which would lock the parent against its readers. ATTACH adds indexes, keys and identity.
      EXECUTE format(
        'CREATE TABLE metrics.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED'
        ' INCLUDING STORAGE INCLUDING COMPRESSION)',
        v_child, v_parent
      );

      rows_moved := 0;
      IF v_default IS NOT NULL THEN
        EXECUTE format(
          'WITH moved AS (DELETE FROM %1$s WHERE "timestamp" >= $1 AND "timestamp" < $2 RETURNING %3$s)'
          ' INSERT INTO metrics.%2$I (%3$s) SELECT %3$s FROM moved',
          v_default, v_child, v_columns
        ) USING from_time, to_time;
        GET DIAGNOSTICS rows_moved = ROW_COUNT;
      END IF;

      EXECUTE format(
        'ALTER TABLE %s ATTACH PARTITION metrics.%I FOR VALUES FROM (%L) TO (%L)',
        v_parent, v_child, v_month::text || '+00', (v_month + interval '1 month')::text || '+00'
      );

      partition_name := format('metrics.%I', v_child);
      RETURN NEXT;
    END LOOP;
  END LOOP;
END
$$;

COMMENT ON FUNCTION metrics.create_future_partitions(int, timestamptz) IS
'Creates the missing monthly partitions of the metrics, from the month of p_now to months_ahead later, and returns them.';

-- The first months, so that no row has to start in a DEFAULT partition.
SELECT created.partition_name FROM metrics.create_future_partitions(3) AS created;

-- migrate:down
-- Partitions stay: they hold rows, and go with their parents.
DROP FUNCTION metrics.create_future_partitions(int, timestamptz);
DROP FUNCTION metrics.range_partitions(regclass);
