-- How far a search through an index goes: hnsw.ef_search and ivfflat.probes are parameters of a session, which has them from its
-- database. Of all indexes of a database the one that needs most decides.

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

-- What a new session of this database has, unless its role has a value of its own.
CREATE OR REPLACE FUNCTION pgwright.vector_search_of_database(p_method text)
RETURNS integer
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT coalesce(
    (
      SELECT split_part(c.setting, '=', 2)::integer
      FROM pg_catalog.pg_db_role_setting AS s
      JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
      CROSS JOIN LATERAL unnest(s.setconfig) AS c (setting)
      WHERE d.datname = current_database() AND s.setrole = 0
        AND split_part(c.setting, '=', 1) = pgwright.vector_parameter(p_method)
    ),
    pgwright.vector_default(p_method)
  )
$$;

-- Gives the database what its indexes need, and takes it away once none needs anything. Says what it has changed.
CREATE OR REPLACE FUNCTION pgwright.vector_settle()
RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_method text;
  v_needed integer;
  v_before integer;
BEGIN
  FOREACH v_method IN ARRAY ARRAY['hnsw', 'ivfflat'] LOOP
    SELECT max(i.search) INTO v_needed FROM pgwright.vector_indexes AS i WHERE i.method = v_method;
    v_before := pgwright.vector_search_of_database(v_method);
    CONTINUE WHEN v_needed = v_before;
    IF v_needed IS NOT NULL THEN
      EXECUTE format(
        'ALTER DATABASE %I SET %s = %s', current_database(), pgwright.vector_parameter(v_method), v_needed
      );
      RETURN NEXT format('%s %s -> %s in sessions that begin from now on', pgwright.vector_parameter(v_method), v_before, v_needed);
    ELSIF EXISTS (
      SELECT FROM pg_catalog.pg_db_role_setting AS s
      JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
      CROSS JOIN LATERAL unnest(s.setconfig) AS c (setting)
      WHERE d.datname = current_database() AND s.setrole = 0
        AND split_part(c.setting, '=', 1) = pgwright.vector_parameter(v_method)
    ) THEN
      EXECUTE format('ALTER DATABASE %I RESET %s', current_database(), pgwright.vector_parameter(v_method));
      RETURN NEXT format('%s %s -> its default', pgwright.vector_parameter(v_method), v_before);
    END IF;
  END LOOP;
END
$$;
