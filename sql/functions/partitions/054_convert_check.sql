-- Checks whether a plain table can be partitioned, before anything is done.

-- Foreign keys that reference this table. They are recreated when the referenced rows change their table.
CREATE OR REPLACE FUNCTION pgwright.partition_foreign_keys_in(p_table oid)
RETURNS TABLE (referencing regclass, owner oid, relkind "char", name name, columns int2[], definition text, validated boolean)
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  SELECT c.conrelid::regclass, t.relowner, t.relkind, c.conname, c.confkey, replace(pg_get_constraintdef(c.oid), ' NOT VALID', ''),
    c.convalidated
  FROM pg_catalog.pg_constraint AS c JOIN pg_catalog.pg_class AS t ON t.oid = c.conrelid
  WHERE c.contype = 'f' AND c.confrelid = p_table AND c.conparentid = 0
  ORDER BY c.oid
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_copy_problems(p_set pgwright.partition_sets, p_table oid)
RETURNS SETOF text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  -- Obstacles to any copy.
  SELECT 'it has no key; ALTER TABLE ... ADD PRIMARY KEY, or create a unique index on columns that are NOT NULL'
  WHERE pgwright.partition_copy_keys(p_table) IS NULL
  UNION ALL
  SELECT format('type %s of its key column %I belongs to an extension; declare a PRIMARY KEY of other columns', a.atttypid::regtype, a.attname)
  FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  WHERE a.attrelid = p_table AND a.attname = ANY (pgwright.partition_copy_keys(p_table))
    AND t.typtype = 'b' AND t.typnamespace <> 'pg_catalog'::regnamespace
  UNION ALL
  SELECT format('publication %I would send its rows under the names of the partitions; '
    'ALTER PUBLICATION %1$I SET (publish_via_partition_root = true)', p.pubname)
  FROM pg_catalog.pg_publication AS p
  WHERE NOT p.pubviaroot AND EXISTS (
    SELECT FROM pg_catalog.pg_publication_rel AS r
    WHERE r.prpubid = p.oid AND r.prrelid IN (p_table, to_regclass(p_set.parent)))
  UNION ALL
  SELECT format('publication %I is for all tables or for the schema, and would send the rows of the copy too; '
    'declare its tables (FOR TABLE ...)', p.pubname)
  FROM pg_catalog.pg_publication AS p
  WHERE p.puballtables OR EXISTS (
    SELECT FROM pg_catalog.pg_publication_namespace AS n JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.pnnspid
    WHERE n.pnpubid = p.oid AND c.oid = p_table)
  UNION ALL
  SELECT format('foreign key %I of %s, which %s; drop it, and add it again after the copy', f.name, f.referencing, CASE
    WHEN f.referencing = p_table THEN 'references the table itself' WHEN f.relkind = 'p' THEN 'is partitioned itself'
    ELSE 'belongs to another owner' END)
  FROM pgwright.partition_foreign_keys_in(to_regclass(p_set.parent)) AS f
  JOIN pg_catalog.pg_class AS c ON c.oid = p_table
  WHERE f.relkind <> 'r' OR f.referencing = p_table OR NOT pg_has_role(c.relowner, f.owner, 'USAGE')
  UNION ALL
  SELECT 'its row security applies to its owner too; ALTER TABLE ... NO FORCE ROW LEVEL SECURITY until the copy ends'
  FROM pg_catalog.pg_class AS c WHERE c.oid = p_table AND c.relforcerowsecurity
$$;

-- Columns of the partition key and subpartition key: PostgreSQL requires them in every unique index.
CREATE OR REPLACE FUNCTION pgwright.partition_convert_columns(p_set pgwright.partition_sets)
RETURNS text[]
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$ SELECT array_remove(ARRAY[p_set.convert ->> 'column', p_set.sub ->> 'column'], NULL) $$;

CREATE OR REPLACE FUNCTION pgwright.partition_convert_keys(p_set pgwright.partition_sets, p_keys text[])
RETURNS text[]
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$
  SELECT p_keys || coalesce(array_agg(c.name ORDER BY c.n), '{}')
  FROM unnest(pgwright.partition_convert_columns(p_set)) WITH ORDINALITY AS c (name, n) WHERE c.name <> ALL (p_keys)
$$;

CREATE OR REPLACE FUNCTION pgwright.partition_convert_problems(p_set pgwright.partition_sets, p_table regclass)
RETURNS SETOF text
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  WITH self AS (
    SELECT c.* FROM pg_catalog.pg_class AS c WHERE c.oid = p_table
  ),
  by_columns AS (
    SELECT b.name, b.n, a.attnum, a.attnotnull, a.attgenerated, a.atttypid
    FROM unnest(pgwright.partition_convert_columns(p_set)) WITH ORDINALITY AS b (name, n)
    LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p_table AND a.attname = b.name AND a.attnum > 0 AND NOT a.attisdropped
  )
  SELECT pgwright.partition_copy_problems(p_set, p_table)
  UNION ALL
  SELECT CASE
    WHEN b.attnum IS NULL THEN format('it has no column %I', b.name)
    WHEN b.attgenerated <> '' THEN format('its column %I is generated', b.name)
    WHEN NOT b.attnotnull THEN format('its column %I may be NULL; ALTER TABLE ... ALTER COLUMN %1$I SET NOT NULL', b.name)
    ELSE format('its column %I is a %s; a set by %s needs one of %s', b.name, b.atttypid::regtype, p_set.kind,
      array_to_string(pgwright.partition_types(p_set.kind), ', '))
  END
  FROM by_columns AS b
  WHERE b.attnum IS NULL OR NOT b.attnotnull OR b.attgenerated <> '' OR b.n = 1 AND b.atttypid <> ALL (pgwright.partition_types(p_set.kind))
  UNION ALL
  SELECT 'it is temporary or unlogged; ALTER TABLE ... SET LOGGED' FROM self AS s WHERE s.relpersistence <> 'p'
  UNION ALL
  SELECT 'it is a typed table (OF); ALTER TABLE ... NOT OF' FROM self AS s WHERE s.reloftype <> 0
  UNION ALL
  SELECT 'it inherits from other tables, or other tables inherit from it' FROM pg_catalog.pg_inherits AS i WHERE p_table IN (i.inhrelid, i.inhparent)
  UNION ALL
  SELECT 'its replica identity is an index; ALTER TABLE ... REPLICA IDENTITY DEFAULT or FULL' FROM self AS s WHERE s.relreplident = 'i'
  UNION ALL
  SELECT format('unique index %I lacks column %I, which a partitioned table requires; drop the index, or add the column', x.relname, b.name)
  FROM by_columns AS b
  JOIN pg_catalog.pg_index AS i ON i.indrelid = p_table AND i.indisunique AND NOT i.indisprimary
  JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
  WHERE b.attnum <> ALL ((i.indkey::int2[])[0:i.indnkeyatts - 1])
  UNION ALL
  SELECT format('foreign key %I of %s references a key without column %I, which a partitioned table requires; drop the foreign key, or add the column',
    f.name, f.referencing, b.name)
  FROM by_columns AS b CROSS JOIN LATERAL pgwright.partition_foreign_keys_in(p_table) AS f
  WHERE b.attnum <> ALL (f.columns)
  UNION ALL
  SELECT format('constraint %I %s', c.conname, CASE WHEN c.connoinherit THEN 'is NO INHERIT' WHEN c.contype = 'x' THEN 'is an exclusion constraint'
    ELSE 'is not validated; ALTER TABLE ... VALIDATE CONSTRAINT ' || quote_ident(c.conname) END)
  FROM pg_catalog.pg_constraint AS c
  WHERE c.conrelid = p_table AND (c.contype = 'c' AND c.connoinherit OR c.contype = 'x' OR NOT c.convalidated)
  UNION ALL
  SELECT DISTINCT CASE
    WHEN v.relkind IN ('v', 'm') THEN format('view %s refers to it; drop the view, and create it again after the conversion', v.oid::regclass)
    ELSE format('rule %I is defined on it; drop the rule', r.rulename)
  END
  FROM pg_catalog.pg_depend AS d
  JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid
  JOIN pg_catalog.pg_class AS v ON v.oid = r.ev_class
  WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p_table
  UNION ALL
  SELECT DISTINCT format('%s refers to %s; drop it, and create it again after the conversion', pg_describe_object(d.classid, d.objid, d.objsubid),
    CASE WHEN d.refclassid = 'pg_type'::regclass THEN 'its row type' ELSE 'it' END)
  FROM self AS s
  JOIN pg_catalog.pg_type AS t ON t.oid = s.reltype
  JOIN pg_catalog.pg_depend AS d ON (d.refclassid, d.refobjid) IN (('pg_type'::regclass, t.oid), ('pg_type'::regclass, t.typarray),
    ('pg_class'::regclass, s.oid))
  WHERE d.deptype = 'n' AND (d.classid IN ('pg_proc'::regclass, 'pg_type'::regclass)
    OR d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_type'::regclass
    OR d.classid = 'pg_policy'::regclass AND (SELECT p.polrelid FROM pg_catalog.pg_policy AS p WHERE p.oid = d.objid) <> s.oid)
  UNION ALL
  SELECT format('trigger %I is a row trigger with transition tables, which partitions do not support; drop it', t.tgname)
  FROM pg_catalog.pg_trigger AS t
  WHERE t.tgrelid = p_table AND NOT t.tgisinternal AND (t.tgtype & 1) = 1 AND (t.tgoldtable IS NOT NULL OR t.tgnewtable IS NOT NULL)
  UNION ALL
  SELECT format('%s exists; rename or drop it', to_regclass(format('%I.%I', s.relnamespace::regnamespace::text, beside.name)))
  FROM self AS s
  CROSS JOIN LATERAL (VALUES (pgwright.partition_beside(s.relname, '_before_partitions')),
    (pgwright.partition_beside(s.relname, '_converting'))) AS beside (name)
  WHERE to_regclass(format('%s.%I', s.relnamespace::regnamespace, beside.name)) IS NOT NULL
$$;

-- The plan of a set whose table is not partitioned yet.
CREATE OR REPLACE FUNCTION pgwright.partition_convert_plan(p_set pgwright.partition_sets, p_table regclass)
RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
DECLARE
  v_problems text[];
  v_keys text[];
BEGIN
  IF p_set.convert IS NULL THEN
    RAISE EXCEPTION '% is a plain table; declare convert: { column: ... } in its set to partition it by this column while it is in use',
      p_table
      USING ERRCODE = 'wrong_object_type';
  END IF;
  v_problems := ARRAY(SELECT pgwright.partition_convert_problems(p_set, p_table));
  IF v_problems <> '{}' THEN
    RAISE EXCEPTION E'% cannot be partitioned as it is:\n  %', p_table, array_to_string(v_problems, E'\n  ')
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  v_keys := pgwright.partition_copy_keys(p_table);
  RETURN format('BY %s (%I)', CASE WHEN p_set.kind IN ('list', 'hash') THEN upper(p_set.kind) ELSE 'RANGE' END, p_set.convert ->> 'column')
    || CASE WHEN pgwright.partition_convert_keys(p_set, v_keys) = v_keys THEN '' ELSE format(', its key (%s) becomes (%s)',
      pgwright.partition_copy_equal(v_keys, '%1$I', ', '),
      pgwright.partition_copy_equal(pgwright.partition_convert_keys(p_set, v_keys), '%1$I', ', ')) END;
END
$$;

-- The plan of the next run of a set.
CREATE OR REPLACE FUNCTION pgwright.partition_plan(p_set pgwright.partition_sets, p_now timestamptz DEFAULT now())
RETURNS TABLE (
  -- convert or drain (rows are copied while the table is in use), finalize, alter (row security and replica identity), create, then
  -- retention: detach, archive, drop; hold: a step that is not done, with the reason in `bound`
  action text,
  -- schema.name, quoted
  partition text,
  -- FOR VALUES ...; for a conversion, the partition key
  bound text,
  -- rows and bytes that are expired or copied; rows that move from DEFAULT into a new partition
  row_count bigint,
  bytes bigint,
  -- created only for distant rows of DEFAULT
  stray boolean
)
LANGUAGE plpgsql
STABLE
SET search_path = ''
AS $$
#variable_conflict use_column
DECLARE
  v_table regclass := to_regclass(p_set.parent);
  v_kind "char";
  v_action text;
  v_phase text;
  v_plan jsonb;
  v_rows bigint;
  v_bounds text[];
  v_default oid;
  v_drain boolean;
BEGIN
  SELECT c.relkind, p.action, p.phase, p.source INTO v_kind, v_action, v_phase, v_default
  FROM pg_catalog.pg_class AS c
  LEFT JOIN pgwright.partition_copies AS p ON p.parent = p_set.parent AND p.phase <> 'done'
  WHERE c.oid = v_table;
  IF v_action = 'convert' OR v_kind = 'r' THEN
    RETURN QUERY SELECT 'convert', v_table::text,
      CASE WHEN v_action IS NULL THEN pgwright.partition_convert_plan(p_set, v_table) ELSE 'under way: ' || v_phase END,
      pgwright.partition_rows(v_table, v_action IS NULL), pgwright.partition_bytes(v_table), false;
    RETURN;
  END IF;
  SELECT coalesce(jsonb_agg(to_jsonb(p)), '[]'), coalesce(sum(p.row_count) FILTER (WHERE p.action = 'create'), 0),
    array_agg(p.bound) FILTER (WHERE p.action = 'create' AND p.row_count > 0)
  INTO v_plan, v_rows, v_bounds
  FROM pgwright.partition_plan_steps(p_set, p_now) AS p;
  IF v_action IS NULL AND v_plan = '[]' THEN
    RETURN;
  END IF;
  IF v_rows > 0 AND v_action IS NULL THEN
    SELECT k.default_partition INTO v_default FROM pgwright.partition_key(v_table) AS k;
  END IF;
  v_drain := v_action IS NOT NULL OR v_rows > 0 AND pgwright.partition_drain_copies(p_set, v_default, v_rows, v_bounds);
  IF v_drain THEN
    RETURN QUERY SELECT 'drain', v_default::regclass::text, CASE WHEN v_action IS NULL THEN 'DEFAULT' ELSE 'under way: ' || v_phase END,
      v_rows, pgwright.partition_bytes(v_default), false;
  END IF;
  -- The copy creates the partitions. If it is not possible, at least partitions without rows in DEFAULT are created.
  RETURN QUERY
  SELECT p.action, p.partition, p.bound, p.row_count, p.bytes, p.stray
  FROM jsonb_to_recordset(v_plan) AS p (action text, partition text, bound text, row_count bigint, bytes bigint, stray boolean)
  WHERE NOT v_drain OR p.action <> 'create'
    OR p.row_count = 0 AND v_action IS NULL AND EXISTS (SELECT pgwright.partition_drain_problems(p_set, v_default));
END
$$;
