-- Checks of a configuration. All errors are reported at once.

-- A type with its schema and modifier. Types of extensions are found without their schema.
CREATE OR REPLACE FUNCTION pgwright.tiers_type(p_schema name, p_type text)
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_type oid;
  v_modifier int;
BEGIN
  PERFORM set_config(
    'search_path',
    concat_ws(
      ', ', quote_ident(p_schema), 'public',
      (
        SELECT string_agg(DISTINCT quote_ident(n.nspname), ', ')
        FROM pg_catalog.pg_extension AS e
        JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
        WHERE n.nspname <> 'pg_catalog'
      )
    ),
    true
  );
  BEGIN
    v_type := to_regtype(p_type);
    v_modifier := to_regtypemod(p_type);
  EXCEPTION WHEN syntax_error OR invalid_parameter_value THEN
    v_type := NULL;
  END;
  PERFORM set_config('search_path', '', true);
  RETURN format_type(v_type, v_modifier);
END
$$;

-- Whether a type has a default operator class of an index method, and for btree an = that is found without a search path.
CREATE OR REPLACE FUNCTION pgwright.tiers_indexable(p_type text, p_method text)
RETURNS boolean
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  IF p_method = 'btree' THEN
    EXECUTE format('SELECT FROM (SELECT NULL::%s AS x) AS t WHERE t.x = t.x ORDER BY t.x', p_type);
    RETURN true;
  END IF;
  -- Of the type or of a binary coercible one; arrays and enums have the class of their pseudo-type.
  RETURN EXISTS (
    SELECT FROM pg_catalog.pg_opclass AS o
    JOIN pg_catalog.pg_am AS m ON m.oid = o.opcmethod
    JOIN pg_catalog.pg_type AS t ON t.oid = p_type::regtype
    WHERE m.amname = p_method AND o.opcdefault
      AND (
        o.opcintype IN (t.oid, t.typbasetype)
        OR EXISTS (
          SELECT FROM pg_catalog.pg_cast AS c
          WHERE c.castsource = t.oid AND c.casttarget = o.opcintype AND c.castmethod = 'b' AND c.castcontext = 'i'
        )
      )
  );
EXCEPTION WHEN undefined_function THEN
  RETURN false;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_column_problems(p_config jsonb)
RETURNS SETOF text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_columns jsonb := p_config -> 'columns';
  v_column jsonb;
  v_types jsonb := '{}';
  v_type text;
  v_name text;
BEGIN
  IF jsonb_typeof(v_columns) IS DISTINCT FROM 'array' OR v_columns = '[]' THEN
    RETURN NEXT 'columns must be a list of {name, type, notNull?, default?}';
    RETURN;
  END IF;
  FOR v_column IN SELECT jsonb_array_elements(v_columns) LOOP
    v_name := v_column ->> 'name';
    IF v_name IS NULL OR octet_length(v_name) NOT BETWEEN 1 AND 63 THEN
      RETURN NEXT format('columns: name must be a name of 1 to 63 bytes, not %s', coalesce(v_column -> 'name', 'null'));
      CONTINUE;
    ELSIF v_types ? v_name THEN
      RETURN NEXT format('columns: two have the name %s', v_name);
    ELSIF v_name = 'wa_number' THEN
      RETURN NEXT 'columns: the name wa_number is reserved for the write-ahead table';
    END IF;
    IF (v_column - '{name,type,notNull,default}'::text[]) <> '{}' THEN
      RETURN NEXT format('column %s has unknown keys: %s', v_name, v_column - '{name,type,notNull,default}'::text[]);
    END IF;
    v_type := pgwright.tiers_type((p_config ->> 'schema')::name, v_column ->> 'type');
    IF v_type IS NULL THEN
      RETURN NEXT format('column %s: type %s does not exist', v_name, coalesce(v_column ->> 'type', 'null'));
    END IF;
    v_types := v_types || jsonb_build_object(v_name, v_type);
    IF v_column ->> 'default' ~ ';|--|/\*' THEN
      RETURN NEXT format('column %s: default must be one expression without ";" and comments, not %s', v_name, v_column ->> 'default');
    END IF;
    IF jsonb_typeof(v_column -> 'notNull') NOT IN ('boolean', 'null') THEN
      RETURN NEXT format('column %s: notNull must be true or false, not %s', v_name, v_column -> 'notNull');
    END IF;
  END LOOP;

  IF (v_types ->> (p_config ->> 'id')) IS NULL THEN
    RETURN NEXT format('id must be one of the columns, not %s', coalesce(p_config ->> 'id', 'null'));
  ELSIF NOT pgwright.tiers_indexable(v_types ->> (p_config ->> 'id'), 'btree') THEN
    RETURN NEXT format('id: the type %s cannot be compared and sorted', v_types ->> (p_config ->> 'id'));
  END IF;
  IF (v_types ->> (p_config ->> 'time')) IS DISTINCT FROM 'timestamp with time zone' THEN
    RETURN NEXT format(
      'time must be one of the columns, of type timestamptz, not %s %s',
      coalesce(p_config ->> 'time', 'null'), coalesce(v_types ->> (p_config ->> 'time'), '')
    );
  END IF;
  IF p_config ->> 'id' = p_config ->> 'time' THEN
    RETURN NEXT 'id and time must be different columns';
  END IF;

  IF p_config #>> '{sortKey,geometry}' IS NOT NULL AND NOT p_config -> 'sortKey' ? 'columns' THEN
    v_name := p_config #>> '{sortKey,geometry}';
    IF coalesce(v_types ->> v_name, '') !~ '(^|\.)"?geometry"?(\(|$)' THEN
      RETURN NEXT format(
        'sortKey: %s must be a column of type geometry of the extension postgis, not %s',
        v_name, coalesce(v_types ->> v_name, 'missing')
      );
    END IF;
  ELSIF jsonb_typeof(p_config #> '{sortKey,columns}') = 'array' AND p_config #> '{sortKey,columns}' <> '[]'
    AND NOT p_config -> 'sortKey' ? 'geometry'
  THEN
    FOR v_name IN SELECT jsonb_array_elements_text(p_config #> '{sortKey,columns}') LOOP
      IF v_types ->> v_name IS NULL THEN
        RETURN NEXT format('sortKey: %s is not one of the columns', v_name);
      ELSIF NOT pgwright.tiers_indexable(v_types ->> v_name, 'btree') OR NOT pgwright.tiers_indexable(v_types ->> v_name, 'brin') THEN
        RETURN NEXT format('sortKey: %s of type %s cannot be sorted and have a BRIN index', v_name, v_types ->> v_name);
      END IF;
    END LOOP;
  ELSE
    RETURN NEXT format('sortKey must be {"geometry": column} or {"columns": [column, ...]}, not %s', coalesce(p_config -> 'sortKey', 'null'));
  END IF;

  IF jsonb_typeof(p_config -> 'indexes') <> 'array' THEN
    RETURN NEXT format('indexes must be a list of columns, not %s', p_config -> 'indexes');
    RETURN;
  END IF;
  FOR v_name IN SELECT jsonb_array_elements_text(p_config -> 'indexes') LOOP
    IF v_types ->> v_name IS NULL THEN
      RETURN NEXT format('indexes: %s is not one of the columns', v_name);
    ELSIF NOT pgwright.tiers_indexable(v_types ->> v_name, 'btree') THEN
      RETURN NEXT format('indexes: %s of type %s cannot have a btree index', v_name, v_types ->> v_name);
    END IF;
  END LOOP;
END
$$;

-- A whole number of the configuration that must be one of the allowed ones.
CREATE OR REPLACE FUNCTION pgwright.tiers_number_problems(p_config jsonb, p_key text, p_allowed int[], p_words text)
RETURNS SETOF text
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT format('%s must be %s, not %s', p_key, p_words, coalesce(p_config ->> p_key, 'null'))
  WHERE CASE
    WHEN jsonb_typeof(p_config -> p_key) = 'number' AND p_config ->> p_key ~ '^\d{1,6}$' THEN NOT (p_config ->> p_key)::int = ANY (p_allowed)
    ELSE true
  END
$$;

-- A number below p_of for a set, so that not all sets run in the same minute. config/tiers.ts computes the same.
CREATE OR REPLACE FUNCTION pgwright.tiers_spread(p_schema text, p_name text, p_of int)
RETURNS int
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT mod(('x' || left(md5(format('%s.%s', p_schema, p_name)), 7))::bit(28)::int, greatest(p_of, 1))
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_defaults(p_config jsonb)
RETURNS jsonb
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT jsonb_build_object(
    'indexes', '[]'::jsonb, 'intervalHours', 6, 'maxAge', NULL, 'pagesPerRange', 128, 'tablespaces', '{}'::jsonb, 'walMinutes', 10,
    'minuteOffset', pgwright.tiers_spread(
      p_config ->> 'schema', p_config ->> 'name',
      CASE WHEN p_config ->> 'walMinutes' ~ '^\d\d?$' THEN (p_config ->> 'walMinutes')::int ELSE 10 END - 1
    )
  ) || jsonb_strip_nulls(p_config)
$$;

-- The configuration with its defaults, and with types and intervals as PostgreSQL spells them, so that equivalent ones are equal.
CREATE OR REPLACE FUNCTION pgwright.tiers_complete(p_config jsonb)
RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = ''
SET intervalstyle = 'postgres'
AS $$
  SELECT d.config || jsonb_build_object(
    'maxAge', (d.config ->> 'maxAge')::interval,
    'columns', (
      SELECT jsonb_agg(
        c.value || jsonb_build_object(
          'type', pgwright.tiers_type((d.config ->> 'schema')::name, c.value ->> 'type'),
          'notNull', coalesce((c.value ->> 'notNull')::boolean, false) OR c.value ->> 'name' IN (d.config ->> 'id', d.config ->> 'time')
        ) ORDER BY c.ordinality
      )
      FROM jsonb_array_elements(d.config -> 'columns') WITH ORDINALITY AS c
    )
  )
  FROM (SELECT pgwright.tiers_defaults(p_config) AS config) AS d
$$;

-- The completed configuration; raises all errors at once.
CREATE OR REPLACE FUNCTION pgwright.tiers_config(p_config jsonb)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path = ''
SET intervalstyle = 'postgres'
AS $$
DECLARE
  c_keys CONSTANT text[] := '{schema,name,owner,columns,id,time,sortKey,indexes,intervalHours,maxAge,minuteOffset,pagesPerRange,tablespaces,walMinutes}';
  v_config jsonb;
  v_problems text[] := '{}';
  v_minutes int;
  v_space record;
BEGIN
  IF jsonb_typeof(p_config) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'the configuration of a tiered set must be a JSON object, not %', coalesce(p_config::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  v_config := pgwright.tiers_defaults(p_config);

  IF (v_config - c_keys) <> '{}' THEN
    v_problems := v_problems || format('unknown keys %s', array(SELECT jsonb_object_keys(v_config - c_keys)));
  END IF;
  IF coalesce(octet_length(v_config ->> 'name'), 0) NOT BETWEEN 1 AND 31 THEN
    v_problems := v_problems || format('name must have 1 to 31 bytes, so that derived names fit, not %s', coalesce(v_config ->> 'name', 'null'));
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = v_config ->> 'owner') THEN
    v_problems := v_problems || format('owner: role %s does not exist', coalesce(v_config ->> 'owner', 'null'));
  ELSIF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = v_config ->> 'schema') THEN
    v_problems := v_problems || format('schema %s does not exist', coalesce(v_config ->> 'schema', 'null'));
  ELSIF NOT has_schema_privilege(v_config ->> 'owner', v_config ->> 'schema', 'CREATE')
    OR NOT has_schema_privilege(v_config ->> 'owner', v_config ->> 'schema', 'USAGE')
  THEN
    v_problems := v_problems || format('%s may not create tables in the schema %s', v_config ->> 'owner', v_config ->> 'schema');
  END IF;

  v_problems := v_problems
    || array(SELECT pgwright.tiers_column_problems(v_config))
    || array(SELECT pgwright.tiers_number_problems(v_config, 'intervalHours', '{1,2,3,4,6,8,12,24}', 'a number of hours that divides 24'))
    || array(SELECT pgwright.tiers_number_problems(v_config, 'walMinutes', '{5,10,15,20,30,60}', '5, 10, 15, 20, 30 or 60'))
    || array(SELECT pgwright.tiers_number_problems(v_config, 'pagesPerRange', array(SELECT generate_series(1, 131072)), 'from 1 to 131072'));

  v_minutes := CASE WHEN v_config ->> 'walMinutes' ~ '^\d\d?$' THEN (v_config ->> 'walMinutes')::int ELSE 10 END;
  v_problems := v_problems || array(
    SELECT pgwright.tiers_number_problems(
      v_config, 'minuteOffset', array(SELECT generate_series(0, v_minutes - 2)), format('from 0 to %s', v_minutes - 2)
    )
  );

  IF v_config ->> 'maxAge' IS NOT NULL THEN
    BEGIN
      IF (v_config ->> 'maxAge')::interval <= interval '0' OR NOT isfinite((v_config ->> 'maxAge')::interval) THEN
        v_problems := v_problems || format('maxAge must be greater than zero, not %s', v_config ->> 'maxAge');
      END IF;
    EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow OR interval_field_overflow THEN
      v_problems := v_problems || format('maxAge must be an interval such as "30 days", not %s', v_config ->> 'maxAge');
    END;
  END IF;

  IF jsonb_typeof(v_config -> 'tablespaces') <> 'object' OR ((v_config -> 'tablespaces') - '{wa,waPartitions,main,spill}'::text[]) <> '{}' THEN
    v_problems := v_problems || format('tablespaces must be {wa, waPartitions, main, spill}, not %s', v_config -> 'tablespaces');
  ELSE
    FOR v_space IN SELECT e.key, e.value FROM jsonb_each_text(v_config -> 'tablespaces') AS e LOOP
      IF NOT EXISTS (SELECT FROM pg_catalog.pg_tablespace WHERE spcname = v_space.value) THEN
        v_problems := v_problems || format('tablespaces: tablespace %s for %s does not exist', v_space.value, v_space.key);
      ELSIF NOT has_tablespace_privilege(v_config ->> 'owner', v_space.value, 'CREATE') THEN
        v_problems := v_problems || format('tablespaces: %s may not create tables in %s', v_config ->> 'owner', v_space.value);
      END IF;
    END LOOP;
  END IF;

  IF cardinality(v_problems) > 0 THEN
    RAISE EXCEPTION 'invalid configuration of the tiered set %.%: %',
      coalesce(v_config ->> 'schema', 'NULL'), coalesce(v_config ->> 'name', 'NULL'), array_to_string(v_problems, '; ')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'sql/functions/tiers/README.md lists the keys and their values.';
  END IF;

  RETURN pgwright.tiers_complete(p_config);
END
$$;
