-- hnsw.ef_search and ivfflat.probes limit a search through an index. Sessions get them from their database, so the index of a database
-- that needs the largest value decides.

CREATE OR REPLACE FUNCTION pgwright.vector_parameter(p_method text)
RETURNS text
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$
  SELECT CASE p_method WHEN 'hnsw' THEN 'hnsw.ef_search' WHEN 'ivfflat' THEN 'ivfflat.probes' END
$$;

CREATE OR REPLACE FUNCTION pgwright.vector_default(p_method text)
RETURNS integer
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$
  SELECT CASE p_method WHEN 'hnsw' THEN 40 WHEN 'ivfflat' THEN 1 END
$$;

-- The value that a new session gets from this database, unless its role has one; NULL: none.
CREATE OR REPLACE FUNCTION pgwright.vector_setting(p_parameter text)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT split_part(c.setting, '=', 2)
  FROM pg_catalog.pg_db_role_setting AS s
  JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
  CROSS JOIN LATERAL unnest(s.setconfig) AS c (setting)
  WHERE d.datname = current_database() AND s.setrole = 0 AND split_part(c.setting, '=', 1) = p_parameter
$$;

CREATE OR REPLACE FUNCTION pgwright.vector_search_of_database(p_method text)
RETURNS integer
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT coalesce(pgwright.vector_setting(pgwright.vector_parameter(p_method))::integer, pgwright.vector_default(p_method))
$$;

-- Sets the parameters that the indexes of the database need, and resets those that none needs any more. A value that was set outside of
-- pgwright stays if it is sufficient. Returns the changes.
CREATE OR REPLACE FUNCTION pgwright.vector_settle()
RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_needed record;
  v_before text;
  v_ours boolean;
BEGIN
  FOR v_needed IN
    SELECT
      p.parameter,
      p.what,
      CASE p.what
        WHEN 'search' THEN nullif(max(i.search), pgwright.vector_default(p.method))::text
        ELSE nullif(max(i.iterative_scan), 'off')
      END AS value
    FROM (
      VALUES
        ('hnsw.ef_search', 'hnsw', 'search'), ('ivfflat.probes', 'ivfflat', 'search'),
        ('hnsw.iterative_scan', 'hnsw', 'scan'), ('ivfflat.iterative_scan', 'ivfflat', 'scan')
    ) AS p (parameter, method, what)
    LEFT JOIN pgwright.vector_indexes AS i USING (method)
    GROUP BY p.parameter, p.method, p.what
  LOOP
    v_before := pgwright.vector_setting(v_needed.parameter);
    SELECT v_before IS NULL OR v_before = (
      SELECT s.value FROM pgwright.vector_settings AS s WHERE s.parameter = v_needed.parameter
    ) IS TRUE INTO v_ours;
    CONTINUE WHEN NOT v_ours
      AND (v_needed.value IS NULL OR (v_needed.what = 'search' AND v_before::integer >= v_needed.value::integer));
    IF v_needed.value IS NULL THEN
      DELETE FROM pgwright.vector_settings AS s WHERE s.parameter = v_needed.parameter;
    ELSE
      INSERT INTO pgwright.vector_settings VALUES (v_needed.parameter, v_needed.value)
      ON CONFLICT (parameter) DO UPDATE SET value = excluded.value;
    END IF;
    CONTINUE WHEN v_needed.value IS NOT DISTINCT FROM v_before;
    IF v_needed.value IS NULL THEN
      EXECUTE format('ALTER DATABASE %I RESET %s', current_database(), v_needed.parameter);
    ELSE
      EXECUTE format('ALTER DATABASE %I SET %s = %L', current_database(), v_needed.parameter, v_needed.value);
    END IF;
    RETURN NEXT format(
      '%s %s -> %s in new sessions',
      v_needed.parameter, coalesce(v_before, 'default'), coalesce(v_needed.value, 'default')
    );
  END LOOP;
END
$$;
