-- Properties that partitions do not inherit from their table: row security, replica identity, statistics targets and storage parameters.
-- A query of a partition itself is subject to the partition's own policies, not to those of the parent.

-- The expression of a policy, for another table: its columns may have other numbers, and its name differs.
CREATE OR REPLACE FUNCTION pgwright.partition_policy_expression(p_expression pg_node_tree, p_from oid, p_to oid)
RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_from text;
  v_to text;
  v_columns text;
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_attribute AS f
    LEFT JOIN pg_catalog.pg_attribute AS t ON t.attrelid = p_to AND t.attnum = f.attnum AND t.attname = f.attname
    WHERE f.attrelid = p_from AND f.attnum > 0 AND NOT f.attisdropped AND t.attnum IS NULL
  ) THEN
    RETURN pg_catalog.pg_get_expr(p_expression, p_to);
  END IF;
  -- pg_get_expr prints the name of the table before a column only in subqueries.
  SELECT quote_ident(c.relname) INTO STRICT v_from FROM pg_catalog.pg_class AS c WHERE c.oid = p_from;
  SELECT quote_ident(c.relname) INTO STRICT v_to FROM pg_catalog.pg_class AS c WHERE c.oid = p_to;
  SELECT string_agg(regexp_replace(quote_ident(a.attname), '(\W)', '\\\1', 'g'), '|') INTO v_columns
  FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = p_from AND a.attnum > 0 AND NOT a.attisdropped;
  -- Literals are not changed.
  RETURN (
    SELECT string_agg(CASE WHEN m.part[1] LIKE '''%' THEN m.part[1] ELSE regexp_replace(m.part[1],
      '(?<![\w".$])' || regexp_replace(v_from, '(\W)', '\\\1', 'g') || '\.(' || v_columns || ')(?![\w"$(])',
      replace(v_to, '\', '\\') || '.\1', 'g') END, '' ORDER BY m.n)
    FROM regexp_matches(pg_catalog.pg_get_expr(p_expression, p_from), $re$('(?:[^']|'')*'|[^']+)$re$, 'g') WITH ORDINALITY AS m (part, n)
  );
END
$$;

-- The policies of a table, as statements for it or for one of its partitions.
CREATE OR REPLACE FUNCTION pgwright.partition_policies(p_from oid, p_to oid)
RETURNS SETOF text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', p.polname, p_to::regclass,
    CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ' ORDER BY r) FROM unnest(p.polroles) AS r),
    ' USING (' || pgwright.partition_policy_expression(p.polqual, p_from, p_to) || ')',
    ' WITH CHECK (' || pgwright.partition_policy_expression(p.polwithcheck, p_from, p_to) || ')')
  FROM pg_catalog.pg_policy AS p WHERE p.polrelid = p_from
  ORDER BY p.polname
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_policies_drop(p_table regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_policy name;
BEGIN
  FOR v_policy IN SELECT p.polname FROM pg_catalog.pg_policy AS p WHERE p.polrelid = p_table LOOP
    EXECUTE format('DROP POLICY %I ON %s', v_policy, p_table);
  END LOOP;
END
$$;

-- The row security of a table as one text; NULL: none.
CREATE OR REPLACE FUNCTION pgwright.partition_row_security(p_table oid)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT concat_ws(E'\n', c.relforcerowsecurity, (SELECT string_agg(p, E'\n') FROM pgwright.partition_policies(p_table, p_table) AS p))
  FROM pg_catalog.pg_class AS c WHERE c.oid = p_table AND c.relrowsecurity
$$;

-- A partition and all tables below it. Foreign tables have no row security.
CREATE OR REPLACE FUNCTION pgwright.partition_tables(p_partition oid)
RETURNS TABLE (relid oid, relkind "char")
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT c.oid, c.relkind FROM pg_catalog.pg_class AS c
  WHERE c.relkind IN ('r', 'p')
    AND (c.oid = p_partition OR c.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(p_partition::regclass) AS t))
$$;

-- Fingerprints of the row security of a table and of its partition. NULL: the table has none. The two are not compared with each other,
-- so differences in how PostgreSQL prints them do not matter.
CREATE OR REPLACE FUNCTION pgwright.partition_secured(p_row_security text, p_partition oid)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT md5(p_row_security) || ' '
    || md5(string_agg(t.relid || coalesce(pgwright.partition_row_security(t.relid), 'none'), E'\n' ORDER BY t.relid))
  FROM pgwright.partition_tables(p_partition) AS t
$$;

-- Copies the row security of a table to a partition and all tables below it.
CREATE OR REPLACE FUNCTION pgwright.partition_secure(p_parent regclass, p_partition regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_parent record;
  v_table regclass;
  v_policy text;
BEGIN
  SELECT c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced INTO STRICT v_parent
  FROM pg_catalog.pg_class AS c WHERE c.oid = p_parent;
  FOR v_table IN SELECT t.relid FROM pgwright.partition_tables(p_partition) AS t LOOP
    IF v_parent.enabled THEN
      PERFORM pgwright.partition_policies_drop(v_table);
      FOR v_policy IN SELECT pgwright.partition_policies(p_parent, v_table) LOOP
        EXECUTE v_policy;
      END LOOP;
    END IF;
    EXECUTE format('ALTER TABLE %s %s ROW LEVEL SECURITY, %s ROW LEVEL SECURITY', v_table,
      CASE WHEN v_parent.enabled THEN 'ENABLE' ELSE 'DISABLE' END,
      CASE WHEN v_parent.enabled AND v_parent.forced THEN 'FORCE' ELSE 'NO FORCE' END);
  END LOOP;
END
$$;

-- Sets the replica identity of a partition: the one of its table if it is not DEFAULT, else the one of the newest partition. REPLICA
-- IDENTITY USING INDEX names the partition's own index.
CREATE OR REPLACE FUNCTION pgwright.partition_identify(p_parent regclass, p_partition regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_model oid := p_parent;
  v_identity "char";
  v_index oid;
  v_table record;
  v_own oid;
BEGIN
  IF (SELECT c.relreplident FROM pg_catalog.pg_class AS c WHERE c.oid = p_parent) = 'd' THEN
    v_model := pgwright.partition_model(p_parent, p_partition);
  END IF;
  SELECT c.relreplident, i.indexrelid INTO v_identity, v_index
  FROM pg_catalog.pg_class AS c LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisreplident
  WHERE c.oid = v_model;
  IF v_identity IS NULL OR v_identity = 'd' THEN
    RETURN;
  END IF;
  -- The index of the table to which the model's index belongs.
  SELECT a.relid INTO v_index FROM pg_catalog.pg_partition_ancestors(v_index) AS a
  JOIN pg_catalog.pg_index AS i ON i.indexrelid = a.relid WHERE i.indrelid = p_parent;
  FOR v_table IN SELECT t.* FROM pgwright.partition_tables(p_partition) AS t LOOP
    v_own := NULL;
    IF v_identity = 'i' THEN
      SELECT i.indexrelid INTO v_own FROM pg_catalog.pg_index AS i
      WHERE i.indrelid = v_table.relid AND v_index IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors(i.indexrelid) AS a);
      CONTINUE WHEN v_own IS NULL;
    END IF;
    EXECUTE format('ALTER TABLE %s REPLICA IDENTITY %s', v_table.relid::regclass, CASE v_identity
      WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
      ELSE 'USING INDEX ' || (SELECT quote_ident(c.relname) FROM pg_catalog.pg_class AS c WHERE c.oid = v_own) END);
  END LOOP;
END
$$;

-- The plain table whose storage parameters a new partition copies: the newest one of the set; during a conversion, the converted table.
-- p_except: a partition to ignore.
CREATE OR REPLACE FUNCTION pgwright.partition_model(p_parent oid, p_except oid DEFAULT 0)
RETURNS oid
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT coalesce(
    (
      SELECT max(t.relid::oid)
      FROM pg_catalog.pg_partition_tree(p_parent::regclass) AS t
      JOIN pg_catalog.pg_class AS c ON c.oid = t.relid
      WHERE t.isleaf AND c.relkind = 'r' AND pg_catalog.pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
        AND t.relid NOT IN (SELECT e.relid FROM pgwright.partition_tables(p_except) AS e)
    ),
    (
      SELECT CASE p.action WHEN 'convert' THEN p.source ELSE pgwright.partition_model(to_regclass(p.parent)) END
      FROM pgwright.partition_copies AS p WHERE p.target = p_parent AND p.phase <> 'done' AND p.parent <> p_parent::regclass::text
    )
  )
$$;

-- WITH (...) of a partition: declared parameters, else those of its model, except autovacuum_enabled.
CREATE OR REPLACE FUNCTION pgwright.partition_storage(p_template jsonb, p_model oid DEFAULT NULL)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  WITH declared AS (
    SELECT s.key, s.value FROM jsonb_each_text(p_template -> 'storage') AS s
  ),
  taken_over AS (
    SELECT o.option_name AS key, o.option_value AS value
    FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL pg_catalog.pg_options_to_table(c.reloptions) AS o WHERE c.oid = p_model
    UNION ALL
    SELECT 'toast.' || o.option_name, o.option_value
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_class AS t ON t.oid = c.reltoastrelid
    CROSS JOIN LATERAL pg_catalog.pg_options_to_table(t.reloptions) AS o WHERE c.oid = p_model
  )
  SELECT coalesce(' WITH (' || string_agg(format('%s = %L', s.key, s.value), ', ' ORDER BY s.key) || ')', '')
  FROM (
    SELECT d.* FROM declared AS d
    UNION ALL
    SELECT t.* FROM taken_over AS t
    WHERE t.key NOT IN (SELECT d.key FROM declared AS d) AND t.key NOT IN ('autovacuum_enabled', 'toast.autovacuum_enabled')
  ) AS s
$$;

-- Copies statistics targets and attribute options of the columns.
CREATE OR REPLACE FUNCTION pgwright.partition_statistics(p_from regclass, p_to regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_statement text;
BEGIN
  FOR v_statement IN
    SELECT format('ALTER TABLE ONLY %s ALTER COLUMN %I SET %s', t.relid::regclass, a.attname, s.setting)
    FROM pgwright.partition_tables(p_to) AS t
    CROSS JOIN pg_catalog.pg_attribute AS a
    CROSS JOIN LATERAL (
      SELECT 'STATISTICS ' || a.attstattarget
      UNION ALL
      SELECT format('(%s = %s)', o.option_name, o.option_value) FROM pg_catalog.pg_options_to_table(a.attoptions) AS o
      WHERE o.option_name IN ('n_distinct', 'n_distinct_inherited')
    ) AS s (setting)
    WHERE a.attrelid = p_from AND a.attnum > 0 AND NOT a.attisdropped AND s.setting IS NOT NULL
  LOOP
    EXECUTE v_statement;
  END LOOP;
END
$$;

-- Partitions whose row security or replica identity differs from their table's, because one of them was changed.
CREATE OR REPLACE FUNCTION pgwright.partition_altered(p_parent text, p_table regclass)
RETURNS TABLE (partition text, what text)
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_row_security text := pgwright.partition_row_security(p_table);
  v_identity "char";
BEGIN
  SELECT nullif(c.relreplident, 'd') INTO v_identity FROM pg_catalog.pg_class AS c WHERE c.oid = p_table;
  RETURN QUERY
  SELECT a.name, concat_ws(' and ', a.security, a.identity) || ' of ' || p_parent
  FROM (
    SELECT
      format('%I.%I', n.nspname, c.relname) AS name,
      CASE WHEN (v_row_security IS NOT NULL OR k.secured IS NOT NULL)
        AND k.secured IS DISTINCT FROM pgwright.partition_secured(v_row_security, c.oid) THEN 'row security' END AS security,
      CASE WHEN v_identity IS NOT NULL AND EXISTS (
        SELECT FROM pgwright.partition_tables(c.oid) AS t JOIN pg_catalog.pg_class AS l ON l.oid = t.relid WHERE l.relreplident <> v_identity
      ) THEN 'replica identity' END AS identity
    FROM pg_catalog.pg_inherits AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pgwright.partitions_known AS k ON k.parent = p_parent AND k.partition = i.inhrelid
    WHERE i.inhparent = p_table AND NOT i.inhdetachpending AND c.relkind IN ('r', 'p')
  ) AS a
  WHERE a.security IS NOT NULL OR a.identity IS NOT NULL
  ORDER BY a.name;
END
$$;

-- Publications that name partitions of a table but not the newest one: only the owner of a publication can add it.
CREATE OR REPLACE FUNCTION pgwright.partition_unpublished(p_table regclass)
RETURNS TABLE (partition text, why text)
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT m.model::regclass::text, format('publication %I names other partitions of %2$s but not this one, so its rows are not published: '
    'ALTER PUBLICATION %1$I ADD TABLE %3$s, or publish %2$s', p.pubname, p_table, m.model::regclass)
  FROM pg_catalog.pg_publication AS p
  CROSS JOIN (SELECT pgwright.partition_model(p_table)) AS m (model)
  WHERE EXISTS (
      SELECT FROM pg_catalog.pg_publication_rel AS r
      JOIN pg_catalog.pg_partition_tree(p_table) AS t ON t.relid = r.prrelid AND t.isleaf WHERE r.prpubid = p.oid
    )
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_publication_rel AS r
      JOIN pg_catalog.pg_partition_ancestors(m.model::regclass) AS a ON a.relid = r.prrelid WHERE r.prpubid = p.oid
    )
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_publication_namespace AS n
      JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.pnnspid WHERE n.pnpubid = p.oid AND c.oid = m.model
    )
$$;
