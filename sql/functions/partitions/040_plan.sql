-- The plan of a set: previews show its steps, and runs execute exactly these.

-- Allowed types of the partition key.
CREATE OR REPLACE FUNCTION pgwright.partition_types(p_kind text)
RETURNS regtype[]
LANGUAGE plpgsql
IMMUTABLE
SET search_path = ''
AS $$
BEGIN
  RETURN CASE p_kind
    WHEN 'time' THEN ARRAY['timestamptz', 'timestamp', 'date']::regtype[]
    WHEN 'integer' THEN ARRAY['bigint', 'integer', 'smallint', 'numeric']::regtype[]
    WHEN 'uuid7' THEN ARRAY['uuid']::regtype[]
  END;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_set(p_parent text)
RETURNS pgwright.partition_sets
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_set pgwright.partition_sets;
BEGIN
  SELECT * INTO v_set FROM pgwright.partition_sets WHERE parent = p_parent;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'set of partitions % does not exist', coalesce(p_parent, 'NULL')
      USING ERRCODE = 'undefined_object', HINT = 'SELECT parent FROM pgwright.partition_sets lists the sets.';
  END IF;
  IF to_regclass(v_set.parent) IS NULL THEN
    RAISE EXCEPTION 'table % does not exist; create it by a migration, or remove its set from the stack file', v_set.parent
      USING ERRCODE = 'undefined_table';
  END IF;
  RETURN v_set;
END
$$;

-- Checks a set against its parent; the constraints of partition_sets check the rest. Returns the key.
CREATE OR REPLACE FUNCTION pgwright.partition_check(
  p_set pgwright.partition_sets,
  OUT key_column name,
  OUT key_type regtype,
  OUT default_partition oid
)
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_parent regclass := to_regclass(p_set.parent);
  v_key record;
  v_strategy "char";
  v_types regtype[];
BEGIN
  SELECT * INTO v_key FROM pgwright.partition_key(v_parent);
  key_column := v_key.key_column;
  key_type := v_key.key_type;
  default_partition := v_key.default_partition;
  v_strategy := CASE p_set.kind WHEN 'list' THEN 'l' WHEN 'hash' THEN 'h' ELSE 'r' END;
  IF v_key.strategy <> v_strategy THEN
    RAISE EXCEPTION '% is partitioned by %, and its set declares %', v_parent,
      CASE v_key.strategy WHEN 'l' THEN 'LIST' WHEN 'h' THEN 'HASH' ELSE 'RANGE' END, p_set.kind
      USING ERRCODE = 'wrong_object_type';
  END IF;
  v_types := pgwright.partition_types(p_set.kind);
  IF v_types IS NOT NULL AND v_key.key_type <> ALL (v_types) THEN
    RAISE EXCEPTION '% is partitioned by %, a %; a set by % needs one of %', v_parent, quote_ident(v_key.key_column),
      v_key.key_type, p_set.kind, array_to_string(v_types, ', ')
      USING ERRCODE = 'datatype_mismatch';
  END IF;
  IF v_key.key_type = 'date'::regtype AND p_set.interval::interval < interval '1 day' THEN
    RAISE EXCEPTION 'interval "%" is shorter than a day, and % is partitioned by a date', p_set.interval, v_parent
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF p_set.overflow = 'none' AND v_key.default_partition <> 0 AND p_set.kind <> 'hash' THEN
    RAISE EXCEPTION '% has a DEFAULT partition, %, and its set declares overflow: none', v_parent,
      v_key.default_partition::regclass
      USING ERRCODE = 'invalid_object_definition',
        HINT = 'Declare overflow: guard or drain, or detach the partition once it is empty.';
  END IF;
END
$$;

-- Retention expires partitions that end at this position or before. NULL: none.
CREATE OR REPLACE FUNCTION pgwright.partition_cutoff(
  p_set pgwright.partition_sets,
  p_type regtype,
  p_now timestamptz,
  p_clock numeric
)
RETURNS numeric
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_age text := p_set.retention ->> 'age';
  v_count int := (p_set.retention ->> 'count')::int;
  v_width numeric;
  v_back numeric;
  v_cutoff numeric;
BEGIN
  IF p_set.retention IS NULL OR coalesce(p_set.retention ->> 'then', 'keep') = 'keep' THEN
    RETURN NULL;
  END IF;
  IF v_age IS NOT NULL THEN
    IF p_set.kind = 'integer' THEN
      RETURN p_clock - v_age::numeric;
    END IF;
    -- Months and days are subtracted in the local time of the zone.
    RETURN pgwright.partition_clock(p_type, p_set.zone, ((p_now AT TIME ZONE p_set.zone) - v_age::interval) AT TIME ZONE p_set.zone);
  END IF;
  -- The current period and those before it, back to the count-th. The margin covers months of different lengths and changes of clocks.
  IF p_type IN ('timestamp'::regtype, 'date'::regtype) THEN
    p_set.zone := 'UTC';
  END IF;
  v_width := CASE WHEN p_set.kind = 'integer' THEN p_set.interval::numeric ELSE extract(epoch FROM p_set.interval::interval) END;
  v_back := CASE
    WHEN p_set.kind = 'integer' OR v_width < 86400 THEN (v_count - 1) * v_width
    ELSE v_count * v_width * 1.1 + 3 * 86400
  END;
  SELECT p.lower_position INTO v_cutoff
  FROM pgwright.partition_periods(p_set.kind, p_set.interval, p_set.zone, p_clock - v_back, p_clock) AS p
  WHERE p.lower_position <= p_clock ORDER BY 1 DESC OFFSET v_count - 1 LIMIT 1;
  RETURN v_cutoff;
END
$$;

-- The plan of a partitioned table, without copies, which partition_plan adds.
CREATE OR REPLACE FUNCTION pgwright.partition_plan_steps(p_set pgwright.partition_sets, p_now timestamptz)
RETURNS TABLE (
  -- finalize, alter (row security and replica identity), create, then retention: detach, archive, drop; hold: a step that is not done
  action text,
  -- schema.name, quoted
  partition text,
  -- FOR VALUES ...
  bound text,
  -- rows and bytes of an expired partition; rows that move from DEFAULT into a new one
  row_count bigint,
  bytes bigint,
  -- created only for rows of DEFAULT
  stray boolean
)
LANGUAGE plpgsql
STABLE
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
#variable_conflict use_column
DECLARE
  v_parent regclass := to_regclass(p_set.parent);
  v_schema name;
  v_name name;
  v_numbers oid;
  v_key record;
  v_clock numeric;
  v_newest numeric;
  v_settled numeric;
  v_cutoff numeric;
  v_limits numrange;
  v_from numeric;
  v_oldest numeric;
  v_start numeric;
  v_covered nummultirange;
  v_pending boolean;
  v_old boolean;
  -- NULL: retention expires nothing
  v_then text := nullif(p_set.retention ->> 'then', 'keep');
  v_filled boolean;
  v_strays numrange[] := '{}';
  v_period record;
BEGIN
  v_key := pgwright.partition_check(p_set);
  -- During a conversion, names and numbers come from the table that is being copied.
  SELECT n.nspname, named.relname, named.oid INTO v_schema, v_name, v_numbers
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pgwright.partition_copies AS p ON p.target = c.oid AND p.action = 'convert' AND p.phase <> 'done'
  JOIN pg_catalog.pg_class AS named ON named.oid = coalesce(p.source, c.oid)
  WHERE c.oid = v_parent;

  IF p_set.kind IN ('list', 'hash') THEN
    RETURN QUERY SELECT m.action, m.partition, m.bound, m.row_count, 0::bigint, false
    FROM pgwright.partition_missing(p_set, v_parent, v_schema, v_name) AS m
    UNION ALL
    SELECT 'alter', a.partition, a.what, 0::bigint, 0::bigint, false FROM pgwright.partition_altered(p_set.parent, v_parent) AS a;
    RETURN;
  END IF;

  IF p_set.kind = 'integer' THEN
    IF pgwright.partition_hidden(v_numbers) THEN
      RAISE EXCEPTION 'row security of % applies to its owner too, and the owner must see the newest number to maintain the partitions',
        v_parent
        USING ERRCODE = 'insufficient_privilege',
          HINT = format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY, or give its owner BYPASSRLS.', v_parent);
    END IF;
    IF v_numbers <> v_parent THEN
      v_newest := pgwright.partition_newest_row(v_numbers, v_key.key_column, p_set.interval::numeric);
    ELSE
      SELECT n.newest, n.settled INTO v_newest, v_settled FROM pgwright.partition_newest(p_set, v_parent, v_key.key_column) AS n;
    END IF;
    -- Without rows, the clock stays at the existing partitions.
    v_clock := coalesce(v_newest, (
      SELECT greatest(max(l.lower_position) - p_set.premake * p_set.interval::numeric, min(l.lower_position))
      FROM pgwright.partition_line(p_set, v_parent) AS l WHERE l.lower_position > '-Infinity'), 0);
  ELSE
    v_clock := pgwright.partition_clock(v_key.key_type, p_set.zone, p_now);
    v_settled := v_clock;
  END IF;
  IF v_then IS NOT NULL THEN
    v_cutoff := pgwright.partition_cutoff(p_set, v_key.key_type, p_now, v_settled);
  END IF;

  SELECT min(l.lower_position) INTO v_oldest
  FROM pgwright.partition_line(p_set, v_parent) AS l
  WHERE l.lower_position >= v_clock - pgwright.partition_reach() * pgwright.partition_width(p_set.kind, p_set.interval);
  SELECT coalesce(range_agg(numrange(b.lower_position, b.upper_position)), '{}'),
    coalesce(bool_or(b.detach_pending), false),
    coalesce(bool_or(b.upper_position <= v_cutoff AND NOT b.detach_pending), false)
  INTO v_covered, v_pending, v_old
  FROM pgwright.partition_bounds_in_utc(v_parent, p_set.kind) AS b
  WHERE NOT b.is_default;

  -- An interrupted detach comes first: PostgreSQL allows only one at a time.
  IF v_pending THEN
    RETURN QUERY
    SELECT 'finalize', format('%I.%I', b.partition_schema, b.partition_name), b.bound,
      pgwright.partition_rows(b.partition, true), pgwright.partition_bytes(b.partition), false
    FROM pgwright.partition_bounds_in_utc(v_parent, p_set.kind) AS b
    WHERE b.detach_pending;
  END IF;

  -- Then the unfinished retention of an earlier run: a new partition may need its name.
  IF v_then IS NOT NULL THEN
    RETURN QUERY
    SELECT v_then, k.name, k.bound, pgwright.partition_rows(k.partition, true), pgwright.partition_bytes(k.partition), false
    FROM pgwright.partitions_known AS k
    JOIN pg_catalog.pg_class AS c ON c.oid = k.partition
    WHERE k.parent = p_set.parent AND k.state = 'retiring'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = k.partition AND NOT i.inhdetachpending);
  END IF;

  RETURN QUERY
  SELECT 'alter', a.partition, a.what, 0::bigint, 0::bigint, false FROM pgwright.partition_altered(p_set.parent, v_parent) AS a
  UNION ALL
  SELECT 'hold', u.partition, u.why, 0::bigint, 0::bigint, false FROM pgwright.partition_unpublished(v_parent) AS u;

  v_start := CASE
    WHEN p_set.start IS NULL THEN NULL
    WHEN p_set.kind = 'integer' THEN p_set.start::numeric
    -- Without an offset it is local time in the zone.
    WHEN p_set.start ~ '\d\d:\d\d.*([+-]\d\d(:?\d\d)?|Z)$'
      THEN pgwright.partition_clock(v_key.key_type, p_set.zone, p_set.start::timestamptz)
    ELSE pgwright.partition_clock(v_key.key_type, p_set.zone, p_set.start::timestamp AT TIME ZONE p_set.zone)
  END;
  -- From here on, values of a column without a time zone are positions in UTC.
  IF v_key.key_type IN ('timestamp'::regtype, 'date'::regtype) THEN
    p_set.zone := 'UTC';
  END IF;
  v_limits := pgwright.partition_limits(v_key.key_type, p_set.kind);
  v_from := least(v_clock, v_oldest, v_start);
  -- No partition is created that retention would expire.
  v_from := greatest(v_from, v_cutoff);

  v_filled := v_key.default_partition <> 0 AND pgwright.partition_filled(v_key.default_partition);
  IF v_filled AND pgwright.partition_hidden(v_key.default_partition) THEN
    v_filled := false;
    RETURN QUERY SELECT 'hold', v_key.default_partition::regclass::text, format(
      'row security applies to its owner too, who maintains the partitions; give the owner BYPASSRLS'), 0::bigint, 0::bigint, false;
  END IF;
  -- Rows of DEFAULT outside of the periods get their own partitions.
  IF p_set.overflow = 'drain' AND v_filled THEN
    v_strays := pgwright.partition_strays(p_set, v_key.default_partition, v_key.key_column, v_key.key_type);
  END IF;

  FOR v_period IN
    SELECT lower(piece) AS piece_lower, upper(piece) AS piece_upper, lower(piece) <> wanted.lower_position AS is_piece,
      bool_and(wanted.stray) AS stray
    FROM (
      SELECT p.lower_position, p.upper_position, false AS stray
      FROM pgwright.partition_periods(p_set.kind, p_set.interval, p_set.zone, v_from, v_clock, p_set.premake) AS p
      WHERE v_cutoff IS NULL OR p.upper_position > v_cutoff
      UNION
      SELECT lower(stray), upper(stray), true FROM unnest(v_strays) AS stray
    ) AS wanted
    -- If other partitions cover a part of the period (after a change of the interval), the rest is created.
    CROSS JOIN LATERAL unnest(nummultirange(numrange(wanted.lower_position, wanted.upper_position)) - v_covered) AS piece
    WHERE NOT numrange(wanted.lower_position, wanted.upper_position) <@ v_covered AND piece && v_limits
    GROUP BY piece, wanted.lower_position
    ORDER BY 1
  LOOP
    action := 'create';
    stray := v_period.stray;
    partition := format('%I.%I', v_schema, pgwright.partition_vacant(p_set, v_schema,
      pgwright.partition_name(v_name, p_set.kind, p_set.interval, p_set.zone, p_set.naming, v_period.piece_lower,
        v_period.is_piece)));
    bound := format('FOR VALUES FROM (%s) TO (%s)',
      pgwright.partition_end(v_key.key_type, p_set.kind, v_period.piece_lower),
      pgwright.partition_end(v_key.key_type, p_set.kind, v_period.piece_upper));
    row_count := 0;
    bytes := 0;
    IF v_filled THEN
      EXECUTE format('SELECT count(*) FROM %s WHERE %s', v_key.default_partition::regclass,
        pgwright.partition_condition(v_key.key_column, bound)) INTO row_count;
    END IF;
    IF row_count > 0 AND p_set.overflow = 'guard' THEN
      action := 'hold';
      bound := format('%s is not created, because DEFAULT has rows for it; move or delete them, or declare overflow: drain', bound);
    END IF;
    RETURN NEXT;
  END LOOP;

  IF p_set.kind = 'integer' THEN
    RETURN QUERY
    SELECT 'hold', h.partition, h.why, 0::bigint, 0::bigint, false
    FROM pgwright.partition_holds(p_set, v_key.key_column, v_filled AND p_set.overflow = 'guard', v_clock, v_newest, v_settled) AS h;
  END IF;

  IF v_old THEN
    RETURN QUERY
    SELECT v_then, format('%I.%I', b.partition_schema, b.partition_name), b.bound,
      pgwright.partition_rows(b.partition, true), pgwright.partition_bytes(b.partition), false
    FROM pgwright.partition_bounds_in_utc(v_parent, p_set.kind) AS b
    WHERE NOT b.is_default AND NOT b.detach_pending AND b.upper_position <= v_cutoff
    ORDER BY b.upper_position;
  END IF;
END
$$;

-- The name of a partition; with a number if a detached partition of the same period has this name, or will keep it.
CREATE OR REPLACE FUNCTION pgwright.partition_vacant(p_set pgwright.partition_sets, p_schema name, p_name text)
RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_name text := p_name;
  v_keeps boolean := p_set.retention ->> 'then' = 'detach'
    OR p_set.retention ->> 'then' = 'archive' AND coalesce(p_set.retention ->> 'schema', p_schema) = p_schema;
BEGIN
  FOR v_n IN 2..1000 LOOP
    EXIT WHEN NOT EXISTS (
      SELECT FROM pgwright.partitions_known AS k
      WHERE k.parent = p_set.parent AND k.partition = to_regclass(format('%I.%I', p_schema, v_name))
        AND (k.state IN ('detached', 'archived') OR k.state = 'retiring' AND v_keeps)
    );
    v_name := pgwright.partition_beside(p_name, '_' || v_n);
  END LOOP;
  RETURN v_name;
END
$$;

-- The declared partitions of LIST (p_values: {suffix: [values]}) or HASH (p_modulus): suffix of the name, and bound.
CREATE OR REPLACE FUNCTION pgwright.partition_declared(p_by text, p_values jsonb, p_modulus int)
RETURNS TABLE (suffix text, bound text)
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT
    '_' || m.key,
    (SELECT 'FOR VALUES IN (' || string_agg(quote_nullable(v.value), ', ' ORDER BY v.ordinality) || ')'
      FROM jsonb_array_elements_text(m.value) WITH ORDINALITY AS v)
  FROM jsonb_each(CASE WHEN p_by = 'list' THEN p_values END) AS m
  UNION ALL
  SELECT '_h' || r, format('FOR VALUES WITH (modulus %s, remainder %s)', p_modulus, r)
  FROM generate_series(0, CASE WHEN p_by = 'hash' THEN p_modulus END - 1) AS r
$$;

-- LIST and HASH: the declared partitions that are missing.
CREATE OR REPLACE FUNCTION pgwright.partition_missing(
  p_set pgwright.partition_sets,
  p_parent regclass,
  p_schema name,
  p_name name
)
RETURNS TABLE (action text, partition text, bound text, row_count bigint)
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT 'create', format('%I.%I', p_schema, pgwright.partition_beside(p_name, d.suffix)), d.bound, 0::bigint
  FROM pgwright.partition_declared(p_set.kind, p_set.values, p_set.modulus) AS d
  WHERE NOT EXISTS (
    SELECT FROM pgwright.partition_bounds(p_parent, p_set.kind) AS b
    WHERE b.bound = d.bound OR p_set.kind = 'list' AND NOT b.is_default
      AND b.bound LIKE 'FOR VALUES IN (%' AND replace(b.bound, '''', '') = replace(d.bound, '''', '')
  )
$$;
