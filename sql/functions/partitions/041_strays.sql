-- Rows of DEFAULT outside of the periods of their set, and bounds at the limits of a type.

-- Periods of rows in DEFAULT, at most 100; the next run handles the others. Rows with NULL or infinite values, or at the limits of the
-- type, have no period and stay in DEFAULT.
CREATE OR REPLACE FUNCTION pgwright.partition_strays(
  p_set pgwright.partition_sets,
  p_default oid,
  p_column name,
  p_type regtype
)
RETURNS numrange[]
LANGUAGE plpgsql
STABLE
SET search_path = ''
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
  v_limits numrange := pgwright.partition_limits(p_type, p_set.kind);
  v_found numrange[] := '{}';
  v_select text := format('SELECT %I::text FROM %s WHERE %s', p_column, p_default::regclass,
    pgwright.partition_placed(p_set.kind, p_type, p_column));
  v_literal text;
  v_position numeric;
  v_lower numeric;
  v_upper numeric;
BEGIN
  EXECUTE format('%s ORDER BY %I LIMIT 1', v_select, p_column) INTO v_literal;
  FOR v_turn IN 1..100 LOOP
    EXIT WHEN v_literal IS NULL;
    v_position := pgwright.partition_position(p_set.kind, v_literal);
    v_upper := NULL;
    BEGIN
      SELECT p.* INTO v_lower, v_upper
      FROM pgwright.partition_periods(p_set.kind, p_set.interval, p_set.zone, v_position, v_position) AS p
      WHERE p.upper_position > v_position ORDER BY 1 LIMIT 1;
    EXCEPTION WHEN datetime_field_overflow OR interval_field_overflow OR numeric_value_out_of_range THEN
      NULL;
    END;
    IF v_upper IS NULL THEN
      v_position := v_position + 3 * pgwright.partition_width(p_set.kind, p_set.interval);
    ELSE
      v_found := v_found || numrange(v_lower, v_upper);
      v_position := v_upper;
    END IF;
    EXIT WHEN v_position >= upper(v_limits);
    EXECUTE format('%s AND %I >= %L ORDER BY %2$I LIMIT 1', v_select, p_column,
      pgwright.partition_literal(p_type, p_set.kind, v_position)) INTO v_literal;
  END LOOP;
  RETURN v_found;
END
$$;

-- A position as an end of FOR VALUES.
CREATE OR REPLACE FUNCTION pgwright.partition_end(p_type regtype, p_kind text, p_position numeric)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT CASE
    WHEN p_position < lower(l) THEN 'MINVALUE'
    WHEN p_position >= upper(l) THEN 'MAXVALUE'
    ELSE quote_literal(pgwright.partition_literal(p_type, p_kind, p_position))
  END
  FROM pgwright.partition_limits(p_type, p_kind) AS l
$$;
