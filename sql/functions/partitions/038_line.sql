-- The contiguous partitions of a set, and its newest number. For numbers there is no clock, and a single row can hold any number.

-- Width of a period; for months an approximation.
CREATE OR REPLACE FUNCTION pgwright.partition_width(p_kind text, p_interval text)
RETURNS numeric
LANGUAGE sql
STABLE
SET search_path = ''
SET intervalstyle = 'postgres'
AS $$ SELECT CASE WHEN p_kind = 'integer' THEN p_interval::numeric ELSE extract(epoch FROM p_interval::interval) END $$;

-- Number of periods up to which a gap is filled. A partition beyond a wider gap is not part of the line.
CREATE OR REPLACE FUNCTION pgwright.partition_reach()
RETURNS int
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$ SELECT 19000 $$;

-- The line of a set: the partitions that a run considers, without DEFAULT and unbounded ones. A partition that draining created for a
-- distant row counts once no gap separates it. Numbers with gaps too wide to fill have several pieces: the line is the longest one, of
-- several equally long ones the lowest.
CREATE OR REPLACE FUNCTION pgwright.partition_line(p_set pgwright.partition_sets, p_parent regclass)
RETURNS TABLE (partition oid, lower_position numeric, upper_position numeric)
LANGUAGE sql
STABLE
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
  WITH parts AS MATERIALIZED (
    SELECT b.partition, b.lower_position, b.upper_position, numrange(b.lower_position, b.upper_position) AS positions,
      coalesce(k.stray, false) AS stray
    FROM pgwright.partition_bounds_in_utc(p_parent, p_set.kind) AS b
    LEFT JOIN pgwright.partitions_known AS k ON k.parent = p_set.parent AND k.partition = b.partition
    WHERE NOT b.is_default AND b.upper_position < 'Infinity'
  ),
  runs AS (
    SELECT r.run, count(*) AS n
    FROM (SELECT unnest(range_agg(p.positions)) FROM parts AS p) AS r (run)
    JOIN parts AS p ON p.positions <@ r.run
    GROUP BY r.run HAVING NOT bool_and(p.stray)
  ),
  pieces AS (
    SELECT g.run, g.n, count(*) FILTER (WHERE p_set.kind = 'integer' AND g.gap > pgwright.partition_reach() * pgwright.partition_width(p_set.kind, p_set.interval))
      OVER (ORDER BY g.run) AS piece
    FROM (SELECT r.*, lower(r.run) - lag(upper(r.run)) OVER (ORDER BY r.run) AS gap FROM runs AS r) AS g
  )
  SELECT p.partition, p.lower_position, p.upper_position
  FROM pieces AS c JOIN parts AS p ON p.positions <@ c.run
  WHERE c.piece = (SELECT l.piece FROM pieces AS l GROUP BY l.piece ORDER BY sum(l.n) DESC, l.piece LIMIT 1)
$$;

-- The newest number of a set that is partitioned by numbers: the highest one in its line. Retention counts from `settled`: the highest
-- number of a partition with rows whose predecessor has rows too, limited to one interval into that partition. So a single row never
-- expires other rows. NULL: there is none.
CREATE OR REPLACE FUNCTION pgwright.partition_newest(
  p_set pgwright.partition_sets,
  p_parent regclass,
  p_column name,
  OUT newest numeric,
  OUT settled numeric
)
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_part record;
  v_filled boolean;
  v_above oid;
  v_above_from numeric;
  v_highest numeric;
BEGIN
  FOR v_part IN SELECT l.* FROM pgwright.partition_line(p_set, p_parent) AS l ORDER BY l.lower_position DESC LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', v_part.partition::regclass) INTO v_filled;
    CONTINUE WHEN NOT v_filled;
    IF v_part.upper_position = v_above_from THEN
      EXECUTE format('SELECT max(%I) FROM %s', p_column, v_above::regclass) INTO v_highest;
      settled := least(v_highest, v_above_from + p_set.interval::numeric - 1);
      RETURN;
    END IF;
    v_above := v_part.partition;
    v_above_from := v_part.lower_position;
    IF newest IS NULL THEN
      EXECUTE format('SELECT max(%I) FROM %s', p_column, v_part.partition::regclass) INTO newest;
    END IF;
  END LOOP;
END
$$;

-- The same for a plain table: the highest number that has another one within partition_reach() periods below it.
CREATE OR REPLACE FUNCTION pgwright.partition_newest_row(p_table regclass, p_column name, p_interval numeric)
RETURNS numeric
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_newest numeric;
  v_below numeric;
BEGIN
  EXECUTE format('SELECT max(%1$I) FROM ONLY %2$s WHERE %1$I::numeric < ''Infinity''', p_column, p_table) INTO v_newest;
  FOR v_turn IN 1..100 LOOP
    EXECUTE format('SELECT max(%1$I) FROM ONLY %2$s WHERE %1$I < $1', p_column, p_table) INTO v_below USING floor(v_newest / p_interval) * p_interval;
    EXIT WHEN v_below IS NULL OR v_below >= v_newest - pgwright.partition_reach() * p_interval;
    v_newest := v_below;
  END LOOP;
  RETURN v_newest;
END
$$;

-- Whether row security hides rows from the owner of a table, the role of the runs.
CREATE OR REPLACE FUNCTION pgwright.partition_hidden(p_table oid)
RETURNS boolean
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner
    WHERE c.oid = p_table AND c.relrowsecurity AND c.relforcerowsecurity AND NOT r.rolsuper AND NOT r.rolbypassrls
  )
$$;

-- The range of a type. A bound beyond it is MINVALUE or MAXVALUE.
CREATE OR REPLACE FUNCTION pgwright.partition_limits(p_type regtype, p_kind text)
RETURNS numrange
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$
  SELECT CASE
    WHEN p_kind = 'uuid7' THEN numrange(0, 281474976710.656) -- 48 bits of milliseconds
    WHEN p_kind = 'time' THEN numrange(-210866803200, 9224318016000) -- 24 November 4714 BC, 1 January 294277
    WHEN p_type = 'smallint'::regtype THEN numrange(-32768, 32768)
    WHEN p_type = 'integer'::regtype THEN numrange(-2147483648, 2147483648)
    WHEN p_type = 'bigint'::regtype THEN numrange(-9223372036854775808, 9223372036854775808)
    ELSE numrange(NULL, NULL)
  END
$$;

-- Steps that a run skips because a number may be a mistake.
CREATE OR REPLACE FUNCTION pgwright.partition_holds(
  p_set pgwright.partition_sets,
  p_column name,
  -- DEFAULT has rows that are not moved
  p_guarded boolean,
  p_clock numeric,
  p_newest numeric,
  p_settled numeric
)
RETURNS TABLE (partition text, why text)
LANGUAGE plpgsql
STABLE
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
  v_parent regclass := to_regclass(p_set.parent);
  v_part record;
  v_highest numeric;
  v_cutoff numeric;
  v_waits numeric;
BEGIN
  FOR v_part IN
    SELECT b.* FROM pgwright.partition_bounds_in_utc(v_parent, p_set.kind) AS b
    WHERE CASE WHEN b.is_default THEN p_guarded ELSE b.upper_position = 'Infinity' OR b.lower_position > p_clock
      AND b.partition NOT IN (SELECT l.partition FROM pgwright.partition_line(p_set, v_parent) AS l) END
    ORDER BY b.lower_position
    LIMIT 100
  LOOP
    EXECUTE format('SELECT max(%1$I) FROM %2$s WHERE %1$I::numeric < ''Infinity''', p_column, v_part.partition::regclass) INTO v_highest;
    IF v_highest >= p_clock + (p_set.premake + 1) * p_set.interval::numeric THEN
      partition := format('%I.%I', v_part.partition_schema, v_part.partition_name);
      why := format('holds numbers up to %s, beyond a gap in the partitions, which new partitions and retention ignore; '
        'delete them, or create a partition for them', v_highest);
      RETURN NEXT;
    END IF;
  END LOOP;
  v_waits := pgwright.partition_cutoff(p_set, NULL, NULL, p_newest);
  v_cutoff := coalesce(pgwright.partition_cutoff(p_set, NULL, NULL, p_settled), '-Infinity');
  RETURN QUERY
  SELECT format('%I.%I', b.partition_schema, b.partition_name), format(
    'retention is delayed: it counts from the newest partition with rows whose predecessor has rows too (%s), not from %s',
    coalesce(p_settled::text, 'none'), p_newest)
  FROM pgwright.partition_bounds_in_utc(v_parent, p_set.kind) AS b
  WHERE b.upper_position <= v_waits AND b.upper_position > v_cutoff
  ORDER BY b.lower_position
  LIMIT 1;
END
$$;

-- The condition for values that have a position: not NULL, finite, and within the range of timestamptz.
CREATE OR REPLACE FUNCTION pgwright.partition_placed(p_kind text, p_type regtype, p_column name)
RETURNS text
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$
  SELECT format(CASE
    WHEN p_kind = 'time' THEN 'isfinite(%1$I) AND %1$I <= ''294276-12-31 23:59:59.999999'''
    WHEN p_type = 'numeric'::regtype THEN '%1$I > ''-Infinity'' AND %1$I < ''Infinity'''
    ELSE '%1$I IS NOT NULL' END, p_column)
$$;
