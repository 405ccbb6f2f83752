-- Copies of a table in use: the conversion of a plain table, or the drain of a DEFAULT partition with many rows. Triggers mirror every
-- change into the copy in the same transaction, batches copy the existing rows, both are compared, and one short transaction replaces the
-- table by the copy. Table partition_copies has the progress.

CREATE OR REPLACE FUNCTION pgwright.partition_copy(p_parent text)
RETURNS pgwright.partition_copies
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
  v_copy pgwright.partition_copies;
BEGIN
  PERFORM pgwright.partition_may(p_parent);
  SELECT * INTO v_copy FROM pgwright.partition_copies AS c WHERE c.parent = p_parent;
  RETURN v_copy;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_copy_put(p_copy pgwright.partition_copies)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
  PERFORM pgwright.partition_may(p_copy.parent);
  p_copy.changed_at := clock_timestamp();
  DELETE FROM pgwright.partition_copies AS c WHERE c.parent = p_copy.parent;
  INSERT INTO pgwright.partition_copies SELECT p_copy.*;
END
$$;

-- Columns that identify a row: the primary key, or a unique index on columns that are NOT NULL. NULL: none.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_keys(p_table oid)
RETURNS text[]
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT array_agg(a.attname::text ORDER BY k.n)
  FROM (
    SELECT i.indrelid, i.indkey, i.indnkeyatts
    FROM pg_catalog.pg_index AS i
    WHERE i.indrelid = p_table AND i.indisunique AND i.indisvalid AND i.indimmediate
      AND i.indpred IS NULL AND i.indexprs IS NULL
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = i.indrelid AND NOT a.attnotnull AND a.attnum = ANY (i.indkey::int2[])
      )
    ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
    LIMIT 1
  ) AS i
  CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS k (n)
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n]
$$;

-- Columns as a list for SQL. `p_format`: such as '%I' or 's.%I'; `p_stored`: without generated ones.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_columns(p_table oid, p_format text, p_stored boolean, p_except text[] DEFAULT '{}')
RETURNS text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT string_agg(replace(p_format, '%I', quote_ident(a.attname)), ', ' ORDER BY a.attname)
  FROM pg_catalog.pg_attribute AS a
  WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped
    AND (NOT p_stored OR a.attgenerated = '') AND a.attname <> ALL (p_except)
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_copy_signature(p_table oid)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT md5(string_agg(part, E'\n' ORDER BY part))
  FROM (
    SELECT concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
      (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef AS d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum))
    FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT pg_get_indexdef(i.indexrelid) FROM pg_catalog.pg_index AS i WHERE i.indrelid = p_table
    UNION ALL
    SELECT c.conname || pg_get_constraintdef(c.oid) FROM pg_catalog.pg_constraint AS c
    WHERE c.conrelid = p_table AND c.contype IN ('c', 'f', 'p', 'u', 'x')
  ) AS parts (part)
$$;

-- The trigger that mirrors changes of a row. It copies the current row of the source, not OLD and NEW: other triggers may have changed the
-- row again. A transaction whose snapshot is older than a batch does not see the rows of the batch: its INSERT conflicts with them and
-- fails with a serialization error of its isolation level, to be retried.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_mirror(p_copy pgwright.partition_copies)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_source regclass := p_copy.source::regclass;
  v_target regclass := p_copy.target::regclass;
  v_schema name;
  v_function text;
  v_gone text;
  v_set text := pgwright.partition_copy_columns(p_copy.source, '%I = excluded.%I', true, p_copy.target_keys);
BEGIN
  SELECT n.nspname INTO v_schema
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = p_copy.source;
  v_function := format('%I.%I', v_schema, 'pgwright_mirror_' || p_copy.source);
  v_gone := format('DELETE FROM %s AS c WHERE %s AND NOT EXISTS (SELECT FROM ONLY %s AS s WHERE %s)',
    v_target, pgwright.partition_copy_equal(p_copy.target_keys, 'c.%1$I = OLD.%1$I'),
    v_source, pgwright.partition_copy_equal(p_copy.target_keys, 's.%1$I = OLD.%1$I'));
  EXECUTE format(
    $function$
    CREATE OR REPLACE FUNCTION %1$s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $mirror$
    BEGIN
      IF TG_OP = 'TRUNCATE' THEN
        TRUNCATE %2$s;
        RETURN NULL;
      END IF;
      IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (%3$s) THEN
        %4$s;
        IF NOT FOUND AND current_setting('transaction_isolation') LIKE ANY ('{repeatable read,serializable}') THEN
          INSERT INTO %2$s (%5$s) VALUES (%6$s) ON CONFLICT (%7$s) DO NOTHING;
          %4$s;
        END IF;
      END IF;
      IF TG_OP <> 'DELETE' THEN
        INSERT INTO %2$s (%5$s) SELECT %8$s FROM ONLY %9$s AS s WHERE %10$s
        ON CONFLICT (%7$s) %11$s;
      END IF;
      RETURN NULL;
    END
    $mirror$
    $function$,
    v_function, v_target, pgwright.partition_copy_equal(p_copy.target_keys, 'OLD.%1$I <> NEW.%1$I', ' OR '), v_gone,
    pgwright.partition_copy_columns(p_copy.source, '%I', true), pgwright.partition_copy_columns(p_copy.source, 'OLD.%I', true),
    pgwright.partition_copy_equal(p_copy.target_keys, '%1$I', ', '),
    pgwright.partition_copy_columns(p_copy.source, 's.%I', true), v_source,
    pgwright.partition_copy_equal(p_copy.keys, 's.%1$I = NEW.%1$I'),
    coalesce('DO UPDATE SET ' || v_set, 'DO NOTHING')
  );
  EXECUTE format('REVOKE EXECUTE ON FUNCTION %s() FROM PUBLIC', v_function);
  -- OF all columns, so that none of them can be dropped. ALWAYS, so that changes of logical replication are mirrored too.
  EXECUTE format(
    'CREATE TRIGGER pgwright_mirror AFTER INSERT OR DELETE OR UPDATE OF %1$s ON %2$s FOR EACH ROW EXECUTE FUNCTION %3$s();'
    'CREATE TRIGGER pgwright_mirror_truncate AFTER TRUNCATE ON %2$s EXECUTE FUNCTION %3$s();'
    'ALTER TABLE %2$s ENABLE ALWAYS TRIGGER pgwright_mirror, ENABLE ALWAYS TRIGGER pgwright_mirror_truncate',
    pgwright.partition_copy_columns(p_copy.source, '%I', false), v_source, v_function);
END
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_copy_unmirror(p_copy pgwright.partition_copies)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_function regprocedure;
BEGIN
  FOR v_function IN
    SELECT DISTINCT t.tgfoid FROM pg_catalog.pg_trigger AS t
    WHERE t.tgrelid = p_copy.source AND t.tgname IN ('pgwright_mirror', 'pgwright_mirror_truncate')
  LOOP
    EXECUTE format('DROP TRIGGER pgwright_mirror ON %1$s; DROP TRIGGER pgwright_mirror_truncate ON %1$s; DROP FUNCTION %2$s',
      p_copy.source::regclass, v_function);
  END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_copy_equal(p_columns text[], p_format text, p_between text DEFAULT ' AND ')
RETURNS text
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$
  SELECT string_agg(format(p_format, c.name), p_between ORDER BY c.n) FROM unnest(p_columns) WITH ORDINALITY AS c (name, n)
$$;

-- The condition for rows of the next batch, in the order of the key, and the end of the batch; NULL: it is the last one.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_range(p_copy pgwright.partition_copies, OUT condition text, OUT upper_end jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET row_security = off
AS $$
DECLARE
  v_columns text := pgwright.partition_copy_equal(p_copy.keys, '%1$I', ', ');
  v_ends jsonb[] := ARRAY[p_copy.position];
  v_literals text;
BEGIN
  condition := 'true';
  FOR v_turn IN 1..2 LOOP
    IF v_ends[v_turn] IS NOT NULL THEN
      SELECT string_agg(format('%L::%s', v.value, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY v.ordinality) INTO v_literals
      FROM jsonb_array_elements_text(v_ends[v_turn]) WITH ORDINALITY AS v
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p_copy.source AND a.attname = p_copy.keys[v.ordinality];
      condition := condition || format(' AND ROW(%s) %s ROW(%s)', v_columns, CASE v_turn WHEN 1 THEN '>' ELSE '<=' END, v_literals);
    END IF;
    EXIT WHEN v_turn = 2;
    EXECUTE format('SELECT jsonb_build_array(%s) FROM ONLY %s WHERE %s ORDER BY %s OFFSET %s LIMIT 1',
      pgwright.partition_copy_equal(p_copy.keys, '%1$I::text', ', '), p_copy.source::regclass, condition, v_columns, p_copy.batch - 1)
    INTO upper_end;
    v_ends := v_ends || upper_end;
  END LOOP;
END
$$;

-- One batch. FOR SHARE keeps a row unchanged until the end of the batch, so that the mirror of a later change finds its copy.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_batch(p_copy pgwright.partition_copies)
RETURNS pgwright.partition_copies
LANGUAGE plpgsql
SET search_path = ''
SET row_security = off
AS $$
DECLARE
  v_range record;
  v_rows bigint;
  v_start timestamptz := clock_timestamp();
BEGIN
  SELECT * INTO v_range FROM pgwright.partition_copy_range(p_copy);
  EXECUTE format(
    'WITH batch AS MATERIALIZED (SELECT %1$s FROM ONLY %2$s WHERE %3$s FOR SHARE)'
    ' INSERT INTO %4$s (%1$s) SELECT %1$s FROM batch ON CONFLICT (%5$s) DO NOTHING',
    pgwright.partition_copy_columns(p_copy.source, '%I', true), p_copy.source::regclass, v_range.condition,
    p_copy.target::regclass, pgwright.partition_copy_equal(p_copy.target_keys, '%1$I', ', '));
  GET DIAGNOSTICS v_rows = ROW_COUNT;
  p_copy.copied := p_copy.copied + v_rows;
  p_copy.position := v_range.upper_end;
  p_copy.last_xid := pg_current_xact_id();
  p_copy.batch := pgwright.partition_copy_pace(p_copy.batch, clock_timestamp() - v_start, 20000);
  RETURN p_copy;
END
$$;

-- Rows of the next batch, so that a batch takes about 50 ms.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_pace(p_batch int, p_took interval, p_most int)
RETURNS int
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$
  SELECT CASE
    WHEN p_took > interval '80 ms' THEN greatest(100, p_batch / 2)
    WHEN p_took < interval '30 ms' THEN least(p_most, p_batch * 2)
    ELSE p_batch
  END
$$;

-- One batch of the comparison, in one statement and so in one snapshot. Every change is mirrored in its own transaction, so the rows of a
-- range of keys must be equal in every snapshot.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_compare(p_copy pgwright.partition_copies)
RETURNS pgwright.partition_copies
LANGUAGE plpgsql
SET search_path = ''
SET row_security = off
AS $$
DECLARE
  v_range record;
  v_found record;
  v_start timestamptz := clock_timestamp();
  v_sums text := format('SELECT count(*) AS n, coalesce(sum(hashtextextended(ROW(%s)::text, 0)::numeric), 0) AS h FROM',
    pgwright.partition_copy_columns(p_copy.source, '%I', false));
BEGIN
  SELECT * INTO v_range FROM pgwright.partition_copy_range(p_copy);
  EXECUTE format('SELECT s.n, s.h, t.n AS copy_n, t.h AS copy_h FROM (%1$s ONLY %2$s WHERE %4$s) AS s, (%1$s %3$s WHERE %4$s) AS t',
    v_sums, p_copy.source::regclass, p_copy.target::regclass, v_range.condition)
  INTO v_found;
  IF v_found.n <> v_found.copy_n OR v_found.h <> v_found.copy_h THEN
    RAISE EXCEPTION 'the copy of % differs: the table has % rows with checksum %, the copy has % with %', p_copy.source::regclass,
      v_found.n, v_found.h, v_found.copy_n, v_found.copy_h
      USING ERRCODE = 'data_corrupted', DETAIL = 'Where ' || v_range.condition,
        HINT = format('Nothing was changed. SELECT pgwright.partition_copy_abandon(%L) removes the copy, and the next run begins another one.',
          p_copy.parent);
  END IF;
  p_copy.compared := p_copy.compared + v_found.n;
  p_copy.checksum := p_copy.checksum + v_found.h;
  p_copy.position := v_range.upper_end;
  p_copy.batch := pgwright.partition_copy_pace(p_copy.batch, clock_timestamp() - v_start, 1000000);
  RETURN p_copy;
END
$$;

-- Sessions that may use a snapshot older than the last batch, which does not show the copied rows. The switch waits for them, as CREATE
-- INDEX CONCURRENTLY does.
CREATE OR REPLACE FUNCTION pgwright.partition_copy_waits(p_copy pgwright.partition_copies)
RETURNS text
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = ''
AS $$
  SELECT 'for transactions that are older than the copy, of sessions ' || string_agg(a.pid::text, ', ')
  FROM pg_catalog.pg_stat_activity AS a
  WHERE a.datid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database())
    AND a.pid <> pg_backend_pid() AND a.backend_type IN ('client backend', 'parallel worker', 'background worker')
    AND age(a.backend_xmin) >= age(p_copy.last_xid::xid)
$$;
