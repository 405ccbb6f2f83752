-- The view, its triggers and the procedures of a set, as text, so that the existing ones can be compared with it.

-- Bodies of the trigger functions. They run as the owner, so roles with privileges on the view need none on the tables.
CREATE OR REPLACE FUNCTION pgwright.tiers_insert_body(p_set pgwright.tiers_sets, p_active regclass)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  -- The name of the table is part of the body, and each roll replaces it, so that rows are not routed from the parent.
  SELECT format(
    $body$
BEGIN
  INSERT INTO %s (%s) VALUES (%s);
  RETURN NEW;
END
$body$,
    p_active, pgwright.tiers_columns(p_set), pgwright.tiers_columns(p_set, 'NEW.')
  )
$$;

-- Update and delete find the row in its current tier. One statement reads one tier; a row that moves in between is found in the next
-- iteration. A row that no tier holds as the statement saw it was changed by another transaction.
-- A row of _wa is updated in place. A row of a later tier is inserted into _wa, because there it would be out of order.
CREATE OR REPLACE FUNCTION pgwright.tiers_change_body(p_set pgwright.tiers_sets, p_update boolean)
RETURNS text
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT format(
    $body$
DECLARE
  v_relation oid;
  v_row tid;
BEGIN
  FOR v_turn IN 1..50 LOOP
%1$s
    -- All tiers in one snapshot: still there means that it has moved.
    EXIT WHEN NOT EXISTS (SELECT FROM %2$s AS t WHERE %3$s);
  END LOOP;
  -- A statement that meets a row twice changes it once, as in any table.
  IF EXISTS (
    SELECT FROM %4$s AS t WHERE t.%5$I = OLD.%5$I AND t.%6$I = OLD.%6$I
      AND t.xmin = (pg_catalog.pg_current_xact_id_if_assigned())::xid
  ) THEN
    RETURN NULL;
  END IF;
%10$s  RAISE EXCEPTION 'could not %7$s the row of %% with %% %% at %%: another transaction has changed or deleted it',
    %8$L, %9$L, OLD.%5$I, OLD.%6$I
    USING ERRCODE = 'serialization_failure', HINT = 'Run the transaction again.';
END
$body$,
    (
      SELECT string_agg(
        format(
          $tier$    SELECT t.tableoid, t.ctid INTO v_relation, v_row FROM %1$s AS t WHERE %2$s LIMIT 1 FOR UPDATE;
    IF FOUND THEN
      %3$s
    END IF;
$tier$,
          pgwright.tiers_object(p_set, x.suffix), k.condition,
          CASE
            WHEN NOT p_update THEN format(
              'DELETE FROM %s AS t WHERE t.tableoid = v_relation AND t.ctid = v_row AND t.%I = OLD.%2$I; RETURN OLD;',
              pgwright.tiers_object(p_set, x.suffix), p_set.config ->> 'time'
            )
            WHEN x.suffix = '_wa' THEN format(
              'UPDATE %s AS t SET (%s) = ROW(%s) WHERE t.tableoid = v_relation AND t.ctid = v_row; RETURN NEW;',
              pgwright.tiers_object(p_set, x.suffix), pgwright.tiers_columns(p_set), pgwright.tiers_columns(p_set, 'NEW.')
            )
            ELSE format(
              'DELETE FROM %s AS t WHERE t.tableoid = v_relation AND t.ctid = v_row AND t.%I = OLD.%2$I;'
              ' INSERT INTO %s (%s) VALUES (%s); RETURN NEW;',
              pgwright.tiers_object(p_set, x.suffix), p_set.config ->> 'time',
              pgwright.tiers_object(p_set, ''), pgwright.tiers_columns(p_set), pgwright.tiers_columns(p_set, 'NEW.')
            )
          END
        ),
        '' ORDER BY x.ordinality
      )
      FROM unnest(ARRAY['_wa', '_wa_partition', '_partition', '_spill']) WITH ORDINALITY AS x (suffix, ordinality)
    ),
    pgwright.tiers_object(p_set, ''), k.condition, pgwright.tiers_object(p_set, '_wa'),
    p_set.config ->> 'id', p_set.config ->> 'time', CASE WHEN p_update THEN 'update' ELSE 'delete' END,
    pgwright.tiers_object(p_set, ''), p_set.config ->> 'id',
    CASE
      WHEN p_update THEN ''
      ELSE format(
        $gone$  -- Deleted already, by another transaction or by this statement: nothing is left to do.
  IF NOT EXISTS (SELECT FROM %1$s AS t WHERE t.%2$I = OLD.%2$I AND t.%3$I = OLD.%3$I) THEN
    RETURN NULL;
  END IF;
$gone$,
        pgwright.tiers_object(p_set, ''), p_set.config ->> 'id', p_set.config ->> 'time'
      )
    END
  )
  FROM (
    -- Compared byte by byte, which works for types without an equality operator too.
    SELECT format(
      't.%1$I = OLD.%1$I AND t.%2$I = OLD.%2$I AND pg_catalog.record_image_eq(ROW(%3$s), ROW(%4$s))',
      p_set.config ->> 'id', p_set.config ->> 'time', pgwright.tiers_columns(p_set, 't.'), pgwright.tiers_columns(p_set, 'OLD.')
    ) AS condition
  ) AS k
$$;

-- Every routine of a set: suffix, arguments, body, and kind: trigger, function or procedure.
-- p_active: the table of _wa that receives the writes. Planner and COPY inline the body of T_wa_number, so no row needs a look-up.
CREATE OR REPLACE FUNCTION pgwright.tiers_routines(p_set pgwright.tiers_sets, p_active regclass)
RETURNS TABLE (suffix text, arguments text, body text, kind text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path = ''
AS $$
  SELECT '_wa_number', '', format('SELECT %s', coalesce(pgwright.tiers_wa_number(p_active), 0)), 'function'
  UNION ALL
  SELECT t.suffix, '', t.body, 'trigger'
  FROM (
    VALUES
      ('_insert', pgwright.tiers_insert_body(p_set, p_active)),
      ('_update', pgwright.tiers_change_body(p_set, true)),
      ('_delete', pgwright.tiers_change_body(p_set, false))
  ) AS t (suffix, body)
  UNION ALL
  SELECT
    p.suffix,
    p.argument,
    format(
      E'\nBEGIN\n  CALL pgwright.tiers%s(%L, %L%s);\nEND\n',
      p.suffix, p_set.schema_name, p_set.set_name, CASE WHEN p.argument = '' THEN '' ELSE ', ' || split_part(p.argument, ' ', 1) END
    ),
    'procedure'
  FROM (
    VALUES
      ('_roll_wa', ''),
      ('_partition_maintenance', ''),
      ('_partition_wa', 'p_now timestamptz DEFAULT now()'),
      ('_merge_wa_partitions', 'p_now timestamptz DEFAULT now()'),
      ('_age_off', 'p_now timestamptz DEFAULT now()'),
      ('_analyze_partitions', ''),
      ('_partition_sort', 'p_for timestamptz DEFAULT NULL')
  ) AS p (suffix, argument)
$$;

CREATE OR REPLACE FUNCTION pgwright.tiers_write_routine(p_set pgwright.tiers_sets, p_suffix text, p_active regclass)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_routine record;
  v_name text := pgwright.tiers_object(p_set, p_suffix);
  v_is_new boolean;
BEGIN
  SELECT r.* INTO STRICT v_routine FROM pgwright.tiers_routines(p_set, p_active) AS r WHERE r.suffix = p_suffix;
  IF v_routine.kind = 'function' THEN
    -- Without SET, so that the planner can inline it. Roles that write to _wa need EXECUTE on it.
    -- Revoked only once: a roll keeps the granted privileges.
    v_is_new := to_regprocedure(v_name || '()') IS NULL;
    EXECUTE format('CREATE OR REPLACE FUNCTION %s() RETURNS int LANGUAGE sql STABLE PARALLEL SAFE AS %L', v_name, v_routine.body);
    IF v_is_new THEN
      EXECUTE format('REVOKE ALL ON FUNCTION %s() FROM PUBLIC', v_name);
    END IF;
  ELSIF v_routine.kind = 'trigger' THEN
    EXECUTE format(
      'CREATE OR REPLACE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '''' AS %L',
      v_name, v_routine.body
    );
    -- Otherwise other roles could create triggers with it on their own tables.
    EXECUTE format('REVOKE ALL ON FUNCTION %s() FROM PUBLIC', v_name);
  ELSE
    -- Without SET: a procedure with SET cannot commit.
    EXECUTE format('CREATE OR REPLACE PROCEDURE %s(%s) LANGUAGE plpgsql AS %L', v_name, v_routine.arguments, v_routine.body);
    EXECUTE format('REVOKE ALL ON PROCEDURE %s FROM PUBLIC', v_name);
  END IF;
END
$$;

-- Creates or repairs the view, the triggers and the routines.
CREATE OR REPLACE FUNCTION pgwright.tiers_write_code(p_set pgwright.tiers_sets)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_view text := pgwright.tiers_object(p_set, '');
  v_event text;
  v_column jsonb;
  v_active regclass := (pgwright.tiers_tables(p_set, 'wa', 'active'))[1];
BEGIN
  EXECUTE format(
    'CREATE OR REPLACE VIEW %s AS %s', v_view,
    (
      SELECT string_agg(
        format('SELECT %s FROM %s AS t', pgwright.tiers_columns(p_set, 't.'), pgwright.tiers_object(p_set, x.suffix)),
        ' UNION ALL ' ORDER BY x.ordinality
      )
      FROM unnest(ARRAY['_wa', '_wa_partition', '_partition', '_spill']) WITH ORDINALITY AS x (suffix, ordinality)
    )
  );
  FOR v_column IN SELECT jsonb_array_elements(p_set.config -> 'columns') LOOP
    EXECUTE format(
      'ALTER VIEW %s ALTER COLUMN %I %s', v_view, v_column ->> 'name',
      coalesce('SET DEFAULT ' || (v_column ->> 'default'), 'DROP DEFAULT')
    );
  END LOOP;
  PERFORM pgwright.tiers_write_routine(p_set, r.suffix, v_active) FROM pgwright.tiers_routines(p_set, v_active) AS r;
  FOREACH v_event IN ARRAY ARRAY['insert', 'update', 'delete'] LOOP
    EXECUTE format(
      'CREATE OR REPLACE TRIGGER %I INSTEAD OF %s ON %s FOR EACH ROW EXECUTE FUNCTION %s()',
      'tiers_' || v_event, v_event, v_view, pgwright.tiers_object(p_set, '_' || v_event)
    );
  END LOOP;
END
$$;
