-- Drift of a set, and its repair.

-- Differences between the catalog and the partitions that runs recorded.
CREATE OR REPLACE FUNCTION pgwright.partition_drift(p_parent text)
RETURNS TABLE (partition text, what text)
LANGUAGE sql
STABLE
SET search_path = ''
AS $$
  WITH set AS (
    SELECT s.parent, s.kind FROM pgwright.partition_sets AS s WHERE s.parent = p_parent
  ),
  there AS (
    SELECT b.partition, format('%I.%I', b.partition_schema, b.partition_name) AS name, b.bound
    FROM set CROSS JOIN LATERAL pgwright.partition_bounds(to_regclass(set.parent), set.kind) AS b
  ),
  known AS (
    SELECT k.* FROM pgwright.partitions_known AS k WHERE k.parent = p_parent
  )
  SELECT t.name, 'attached outside of pgwright: ' || t.bound
  FROM there AS t
  -- Before its first run a set has no records; the run adds the existing partitions.
  WHERE EXISTS (SELECT FROM known) AND NOT EXISTS (SELECT FROM known AS k WHERE k.partition = t.partition AND k.state IN ('attached', 'retiring'))
  UNION ALL
  SELECT k.name, CASE WHEN c.oid IS NULL THEN 'dropped outside of pgwright: ' ELSE 'detached outside of pgwright: ' END || k.bound
  FROM known AS k LEFT JOIN pg_catalog.pg_class AS c ON c.oid = k.partition
  WHERE k.state = 'attached' AND NOT EXISTS (SELECT FROM there AS t WHERE t.partition = k.partition)
  UNION ALL
  SELECT k.name, 'renamed outside of pgwright to ' || t.name
  FROM known AS k JOIN there AS t ON t.partition = k.partition
  WHERE t.name <> k.name
  UNION ALL
  -- Not during a conversion, before the table is partitioned.
  SELECT a.partition, 'lacks the ' || a.what
  FROM set JOIN pg_catalog.pg_class AS c ON c.oid = to_regclass(set.parent) AND c.relkind = 'p'
  CROSS JOIN LATERAL pgwright.partition_altered(set.parent, c.oid) AS a
  WHERE EXISTS (SELECT FROM known)
$$;

-- Repairs drift: attaches detached partitions that still exist, and restores names. Attached partitions stay.
CREATE OR REPLACE FUNCTION pgwright.partition_put_back(p_parent text)
RETURNS TABLE (done text)
LANGUAGE plpgsql
SET search_path = ''
SET lock_timeout = '5s'
AS $$
DECLARE
  v_known record;
BEGIN
  FOR v_known IN
    SELECT k.*, c.oid IS NOT NULL AS is_there, format('%I.%I', n.nspname, c.relname) AS now_named,
      (parse_ident(k.name))[2] AS own_name, i.inhparent
    FROM pgwright.partitions_known AS k
    LEFT JOIN pg_catalog.pg_class AS c ON c.oid = k.partition
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid AND i.inhparent = to_regclass(p_parent)
    WHERE k.parent = p_parent AND k.state = 'attached'
  LOOP
    IF NOT v_known.is_there THEN
      PERFORM pgwright.partition_note(p_parent, v_known.partition, NULL, NULL, NULL);
      done := format('%s was dropped; the run creates it again, empty, if it is still in the plan', v_known.name);
      RETURN NEXT;
      CONTINUE;
    END IF;
    IF v_known.now_named <> v_known.name AND split_part(v_known.now_named, '.', 1) = split_part(v_known.name, '.', 1) THEN
      done := format('ALTER TABLE %s RENAME TO %I', v_known.now_named, v_known.own_name);
      EXECUTE done;
      RETURN NEXT;
    END IF;
    IF v_known.inhparent IS NULL THEN
      done := format('ALTER TABLE %s ATTACH PARTITION %s %s', to_regclass(p_parent), v_known.partition::regclass, v_known.bound);
      EXECUTE done;
      -- As for a new partition, the next run announces it.
      PERFORM pgwright.partition_note(p_parent, v_known.partition, v_known.name, v_known.bound, 'attached');
      RETURN NEXT;
    END IF;
  END LOOP;
  PERFORM pgwright.partition_adopt(p_parent);
END
$$;
