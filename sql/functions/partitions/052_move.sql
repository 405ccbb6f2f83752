-- Moves rows of DEFAULT into a partition while it is created. The move is no change of the data: no user trigger fires, no foreign key
-- acts, and a logical subscriber has each row once in the end.

-- Publications that send the rows of a DEFAULT partition. `moves`: they send deletes and inserts, also of new partitions, so
-- subscribers receive a move completely.
CREATE OR REPLACE FUNCTION pgwright.partition_published(p_default oid)
RETURNS TABLE (publication name, moves boolean)
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  WITH line AS (
    SELECT c.oid, c.relnamespace FROM pg_catalog.pg_partition_ancestors(p_default::regclass) AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.relid
  ),
  named AS (
    SELECT r.prpubid AS pubid, l.oid FROM pg_catalog.pg_publication_rel AS r JOIN line AS l ON l.oid = r.prrelid
    UNION ALL
    SELECT n.pnpubid, l.oid FROM pg_catalog.pg_publication_namespace AS n JOIN line AS l ON l.relnamespace = n.pnnspid
  )
  SELECT p.pubname, p.pubinsert AND p.pubdelete
    AND (p.puballtables OR EXISTS (SELECT FROM named AS n WHERE n.pubid = p.oid AND n.oid <> p_default))
  FROM pg_catalog.pg_publication AS p
  WHERE (p.pubinsert OR p.pubdelete) AND (p.puballtables OR EXISTS (SELECT FROM named AS n WHERE n.pubid = p.oid))
$$;

-- A foreign key that references rows of DEFAULT, all or those of a condition; NULL: none. Deleting such a row fails, or deletes the
-- referencing rows, even if the row is inserted elsewhere.
CREATE OR REPLACE FUNCTION pgwright.partition_referenced(p_default oid, p_condition text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = ''
SET row_security = off
AS $$
DECLARE
  v_key record;
  v_found boolean := true;
BEGIN
  FOR v_key IN
    SELECT c.conrelid::regclass AS referencing, c.conname, string_agg(format('d.%I OPERATOR(%I.%s) r.%I', d.attname, n.nspname, o.oprname,
      r.attname), ' AND ' ORDER BY k.n) AS matches
    FROM pg_catalog.pg_constraint AS c
    CROSS JOIN LATERAL unnest(c.conkey, c.confkey, c.conpfeqop) WITH ORDINALITY AS k (con, conf, op, n)
    JOIN pg_catalog.pg_attribute AS r ON r.attrelid = c.conrelid AND r.attnum = k.con
    JOIN pg_catalog.pg_attribute AS d ON d.attrelid = c.confrelid AND d.attnum = k.conf
    JOIN pg_catalog.pg_operator AS o ON o.oid = k.op
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
    -- DEFAULT has its own copy of a constraint that references the table. For a referencing partitioned table, its root is sufficient.
    WHERE c.contype = 'f' AND c.confrelid = p_default
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS u WHERE u.oid = c.conparentid AND u.confrelid = c.confrelid)
    GROUP BY c.oid
  LOOP
    IF p_condition IS NOT NULL THEN
      EXECUTE format('SELECT EXISTS (SELECT FROM %s AS d WHERE (%s) AND EXISTS (SELECT FROM %s AS r WHERE %s))', p_default::regclass,
        p_condition, v_key.referencing, v_key.matches) INTO v_found;
    END IF;
    IF v_found THEN
      RETURN format('foreign key %I of %s', v_key.conname, v_key.referencing);
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

-- Disables user triggers and policies of a table. Returns the statements that enable them again.
CREATE OR REPLACE FUNCTION pgwright.partition_triggers_off(p_table regclass)
RETURNS text[]
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_trigger record;
  v_back text[] := '{}';
BEGIN
  -- The owner sees all rows meanwhile. No other session notices: the table is locked, or not committed yet.
  IF (SELECT c.relrowsecurity AND c.relforcerowsecurity FROM pg_catalog.pg_class AS c WHERE c.oid = p_table) THEN
    EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', p_table);
    v_back := v_back || format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_table);
  END IF;
  FOR v_trigger IN
    SELECT t.tgname, CASE t.tgenabled WHEN 'A' THEN ' ALWAYS' WHEN 'R' THEN ' REPLICA' ELSE '' END AS how
    FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = p_table AND NOT t.tgisinternal AND t.tgenabled <> 'D'
  LOOP
    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', p_table, v_trigger.tgname);
    v_back := v_back || format('ALTER TABLE %s ENABLE%s TRIGGER %I', p_table, v_trigger.how, v_trigger.tgname);
  END LOOP;
  RETURN v_back;
END
$$;

-- Moves the rows of a condition from DEFAULT to another table. The caller has locked both.
CREATE OR REPLACE FUNCTION pgwright.partition_move(p_from regclass, p_to regclass, p_columns text, p_condition text)
RETURNS void
LANGUAGE plpgsql
SET search_path = ''
SET row_security = off
AS $$
DECLARE
  v_back text[] := pgwright.partition_triggers_off(p_from) || pgwright.partition_triggers_off(p_to);
  v_statement text;
BEGIN
  -- A table with pending constraint checks cannot be altered.
  SET CONSTRAINTS ALL IMMEDIATE;
  EXECUTE format('WITH moved AS (DELETE FROM %1$s WHERE %4$s RETURNING %3$s)'
    ' INSERT INTO %2$s (%3$s) OVERRIDING SYSTEM VALUE SELECT %3$s FROM moved', p_from, p_to, p_columns, p_condition);
  FOREACH v_statement IN ARRAY v_back LOOP
    EXECUTE v_statement;
  END LOOP;
END
$$;

-- Whether a table has rows of a condition. A table without a block has none and is not queried.
CREATE OR REPLACE FUNCTION pgwright.partition_has(p_table regclass, p_condition text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = ''
AS $$
DECLARE
  v_found boolean := false;
BEGIN
  IF pgwright.partition_filled(p_table) THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %s)', p_table, p_condition) INTO v_found;
  END IF;
  RETURN v_found;
END
$$;
