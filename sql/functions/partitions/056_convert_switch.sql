-- The switch of a conversion: in one short transaction, the new table gets the name and all properties of the old one.

-- Statements that recreate privileges, comments, triggers and policies of a table. They are generated before the names change, and run
-- after.
CREATE OR REPLACE FUNCTION pgwright.partition_convert_properties(p_table regclass)
RETURNS SETOF text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT format('GRANT %s%s ON TABLE %s TO %s%s', g.privilege_type, ' (' || quote_ident(g.attname) || ')', p_table,
    CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
    CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END)
  FROM (
    SELECT a.*, NULL::name AS attname FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a WHERE c.oid = p_table
    UNION ALL
    SELECT a.*, t.attname FROM pg_catalog.pg_attribute AS t CROSS JOIN LATERAL aclexplode(t.attacl) AS a WHERE t.attrelid = p_table
  ) AS g
  UNION ALL
  SELECT format('COMMENT ON TABLE %s IS %L', p_table, d.text) FROM obj_description(p_table, 'pg_class') AS d (text) WHERE d.text IS NOT NULL
  UNION ALL
  SELECT format('COMMENT ON INDEX %s IS %L', i.indexrelid::regclass, d.text)
  FROM pg_catalog.pg_index AS i CROSS JOIN LATERAL obj_description(i.indexrelid, 'pg_class') AS d (text)
  WHERE i.indrelid = p_table AND d.text IS NOT NULL
  UNION ALL
  SELECT pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN '' ELSE
    format('; ALTER TABLE %s %s TRIGGER %I', p_table,
      CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END, t.tgname) END
  FROM pg_catalog.pg_trigger AS t
  WHERE t.tgrelid = p_table AND NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgname NOT IN ('pgwright_mirror', 'pgwright_mirror_truncate')
  UNION ALL
  SELECT pgwright.partition_policies(p_table, p_table)
  UNION ALL
  SELECT format('ALTER TABLE %s %s ROW LEVEL SECURITY', p_table, CASE WHEN c.relrowsecurity THEN 'ENABLE' ELSE 'DISABLE' END)
  FROM pg_catalog.pg_class AS c WHERE c.oid = p_table
$$;

-- The sequences of identity and serial columns keep their values.
CREATE OR REPLACE FUNCTION pgwright.partition_convert_sequences(p_source regclass, p_target regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_sequence record;
  v_at record;
  v_grants text[];
  v_grant text;
BEGIN
  FOR v_sequence IN
    SELECT s.*, c.relname, n.nspname, c.oid::regclass AS sequence, a.attname, a.attidentity
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = d.objid
    JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p_source AND d.deptype IN ('a', 'i')
  LOOP
    IF v_sequence.attidentity = '' THEN
      EXECUTE format('ALTER SEQUENCE %s OWNED BY %s.%I', v_sequence.sequence, p_target, v_sequence.attname);
      CONTINUE;
    END IF;
    v_grants := ARRAY(
      SELECT format('GRANT %s ON SEQUENCE %s TO %s%s', g.privilege_type, v_sequence.sequence,
        CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
        CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END)
      FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS g WHERE c.oid = v_sequence.seqrelid);
    -- From here on, nextval() by name uses the new sequence, which continues after the numbers of the old one.
    EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', v_sequence.sequence, pgwright.partition_beside(v_sequence.relname, '_before_partitions'));
    EXECUTE format('SELECT last_value, is_called FROM %s', v_sequence.seqrelid::regclass) INTO v_at;
    EXECUTE format(
      'ALTER TABLE %s ALTER COLUMN %I ADD GENERATED %s AS IDENTITY (SEQUENCE NAME %I.%I INCREMENT BY %s MINVALUE %s MAXVALUE %s'
      ' START WITH %s CACHE %s %sCYCLE)',
      p_target, v_sequence.attname, CASE v_sequence.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END,
      v_sequence.nspname, v_sequence.relname, v_sequence.seqincrement, v_sequence.seqmin, v_sequence.seqmax, v_sequence.seqstart,
      v_sequence.seqcache, CASE WHEN v_sequence.seqcycle THEN '' ELSE 'NO ' END);
    PERFORM setval(format('%I.%I', v_sequence.nspname, v_sequence.relname)::regclass, v_at.last_value, v_at.is_called);
    FOREACH v_grant IN ARRAY v_grants LOOP
      EXECUTE v_grant;
    END LOOP;
  END LOOP;
END
$$;

-- SECURITY DEFINER, because publications belong to other roles. Only for a table and its copy, which have the same owner.
CREATE OR REPLACE FUNCTION pgwright.partition_convert_publish(p_parent text)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
  v_owner name := pgwright.partition_may(p_parent);
  v_copy pgwright.partition_copies;
  v_member record;
BEGIN
  SELECT * INTO v_copy FROM pgwright.partition_copies AS c WHERE c.parent = p_parent;
  IF (SELECT count(*) FROM pg_catalog.pg_class AS c WHERE c.oid IN (v_copy.source, v_copy.target) AND c.relowner = v_owner::regrole) <> 2 THEN
    RAISE EXCEPTION 'role % may not change the publications of this table', v_owner USING ERRCODE = 'insufficient_privilege';
  END IF;
  FOR v_member IN
    SELECT p.pubname, pg_get_expr(r.prqual, r.prrelid) AS qual, (
      SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_catalog.pg_attribute AS a
      WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs::int2[])) AS columns
    FROM pg_catalog.pg_publication_rel AS r JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid
    WHERE r.prrelid = v_copy.source
  LOOP
    EXECUTE format('ALTER PUBLICATION %I DROP TABLE %s', v_member.pubname, v_copy.source::regclass);
    EXECUTE format('ALTER PUBLICATION %I ADD TABLE %s%s%s', v_member.pubname, v_copy.target::regclass,
      ' (' || v_member.columns || ')', ' WHERE (' || v_member.qual || ')');
  END LOOP;
END
$$;

-- Foreign keys that reference the table: dropped before its rows change their table, and added after that as NOT VALID. They are enforced
-- for all later writes; existing rows are validated later, without blocking (p_copy.todo).
CREATE OR REPLACE FUNCTION pgwright.partition_copy_keys_off(p_table regclass, INOUT p_copy pgwright.partition_copies, OUT back text[])
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_key record;
BEGIN
  back := '{}';
  p_copy.todo := '[]';
  FOR v_key IN SELECT * FROM pgwright.partition_foreign_keys_in(p_table) LOOP
    back := back || format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', v_key.referencing, v_key.name, v_key.definition);
    IF v_key.validated THEN
      p_copy.todo := p_copy.todo || jsonb_build_array(format('ALTER TABLE %s VALIDATE CONSTRAINT %I', v_key.referencing, v_key.name));
    END IF;
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', v_key.referencing, v_key.name);
  END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_convert_switch(p_set pgwright.partition_sets, INOUT p_copy pgwright.partition_copies)
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_start timestamptz;
  v_source regclass := p_copy.source;
  v_target regclass := p_copy.target;
  v_schema name;
  v_name name;
  v_default oid;
  v_found boolean;
  v_off record;
  v_after text[];
  v_statement text;
  v_renames text[];
BEGIN
  EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', v_source);
  v_start := clock_timestamp();
  -- From here on other sessions wait. A session that holds a lock on one of the other tables may wait for this one.
  PERFORM set_config('lock_timeout', '50ms', true);
  IF pgwright.partition_copy_signature(v_source) <> p_copy.signature THEN
    RAISE EXCEPTION 'the columns, indexes or constraints of % have changed during its copy', v_source
      USING ERRCODE = 'object_not_in_prerequisite_state',
        HINT = format('SELECT pgwright.partition_copy_abandon(%L) removes the copy, and the next run begins another one.', p_copy.parent);
  END IF;
  SELECT k.default_partition INTO v_default FROM pgwright.partition_key(v_target) AS k;
  IF v_default <> 0 AND p_set.overflow = 'none' THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', v_default::regclass) INTO v_found;
    IF v_found THEN
      p_copy.phase := 'settle';
      RETURN;
    END IF;
    EXECUTE format('DROP TABLE %s', v_default::regclass);
  END IF;
  SELECT n.nspname, c.relname INTO v_schema, v_name
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = v_source;

  PERFORM pgwright.partition_copy_unmirror(p_copy);
  v_after := ARRAY(SELECT pgwright.partition_convert_properties(v_source));
  SELECT * INTO v_off FROM pgwright.partition_copy_keys_off(v_source, p_copy);
  p_copy := v_off.p_copy;
  -- The copy gets the current policies of the table.
  PERFORM pgwright.partition_policies_drop(v_target);
  -- Constraints and privileges of the old table are no longer needed.
  FOR v_statement IN
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', v_source, c.conname)
    FROM pg_catalog.pg_constraint AS c WHERE c.conrelid = v_source AND c.contype = 'f'
    UNION ALL
    SELECT DISTINCT format('REVOKE ALL ON TABLE %s FROM %s', v_target,
      CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
    FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a WHERE c.oid = v_target AND a.grantee <> c.relowner
  LOOP
    EXECUTE v_statement;
  END LOOP;
  PERFORM pgwright.partition_convert_publish(p_copy.parent);

  p_copy.kept := format('%I.%I', v_schema, pgwright.partition_beside(v_name, '_before_partitions'));
  SELECT array_agg(format('ALTER INDEX %I.%I RENAME TO %I', v_schema, x.relname, pgwright.partition_beside(x.relname, '_before_partitions')))
    || array_agg(format('ALTER INDEX IF EXISTS %I.%I RENAME TO %I', v_schema, pgwright.partition_beside(x.relname, '_converting'), x.relname))
  INTO v_renames
  FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid WHERE i.indrelid = v_source;
  v_renames := v_renames || ARRAY[
    format('ALTER TABLE %s RENAME TO %I', v_source, pgwright.partition_beside(v_name, '_before_partitions')),
    format('ALTER TABLE %s RENAME TO %I', v_target, v_name)
  ];
  FOREACH v_statement IN ARRAY v_renames LOOP
    EXECUTE v_statement;
  END LOOP;
  PERFORM pgwright.partition_convert_sequences(p_copy.source, p_copy.target);
  FOREACH v_statement IN ARRAY v_off.back || v_after LOOP
    EXECUTE v_statement;
  END LOOP;
  p_copy.locked := clock_timestamp() - v_start;
  p_copy.phase := 'finish';
END
$$;
