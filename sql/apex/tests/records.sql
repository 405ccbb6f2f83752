-- Invoices, records of other systems, and JSONB through its indexes.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE apex_app;

INSERT INTO apex.customers (id, name) VALUES ('00000000-0000-0000-0000-000000000001', 'Acme');
INSERT INTO apex.invoices (invoice_number, customer_id, amount, status, issue_date, due_date) VALUES
('T-1', '00000000-0000-0000-0000-000000000001', 10.50, 'sent', '2050-01-01', '2050-01-15'),
('T-2', '00000000-0000-0000-0000-000000000001', 20, 'sent', '2050-01-02', '2050-01-16'),
('T-3', '00000000-0000-0000-0000-000000000001', 30, 'paid', '2050-01-01', '2050-01-15'),
('T-4', '00000000-0000-0000-0000-000000000001', 40, 'draft', '2050-01-01', '2050-01-15');

INSERT INTO apex.structured_data (data_id, data_type, raw_json)
SELECT n::text, 'order', jsonb_build_object('status', CASE n WHEN 1 THEN 'lost' ELSE 'sent' END, 'n', n)
FROM generate_series(1, 3000) AS n;

INSERT INTO apex.structured_data (data_id, data_type, raw_json) VALUES ('1', 'order', '{"status": "found"}')
ON CONFLICT (data_type, data_id) DO UPDATE SET raw_json = excluded.raw_json;

INSERT INTO apex.entities (name, entity_type, metadata)
SELECT
  format('entity %s', n),
  'Customer',
  CASE n % 1000
    WHEN 1 THEN '{"status": "active", "tags": ["python", "go"], "account": {"status": "open", "email": "a@test.example"}, "phone": "1"}'
    ELSE '{"status": "gone", "tags": ["none"], "account": {"status": "closed"}}'
  END::jsonb
FROM generate_series(1, 3000) AS n;

SET LOCAL ROLE apex_owner;
ANALYZE apex.entities, apex.structured_data;
SET LOCAL ROLE apex_app;

DO $$
DECLARE
  v_case record;
  v_plan json;
  v_count bigint;
BEGIN
  FOR v_case IN
    SELECT c.condition, c.index_name, c.wanted
    FROM (VALUES
      ($q$apex.entities WHERE metadata @> '{"status": "active"}'$q$, 'idx_entities_metadata', 3),
      ($q$apex.entities WHERE metadata ? 'phone'$q$, 'idx_entities_metadata', 3),
      ($q$apex.entities WHERE metadata ?| '{fax,phone}'$q$, 'idx_entities_metadata', 3),
      ($q$apex.entities WHERE metadata ?& '{phone,tags}'$q$, 'idx_entities_metadata', 3),
      ($q$apex.entities WHERE metadata -> 'tags' @> '["python"]'$q$, 'idx_entities_tags', 3),
      ($q$apex.entities WHERE metadata -> 'account' ->> 'status' = 'open'$q$, 'idx_entities_account_status', 3),
      ($q$apex.structured_data WHERE raw_json @> '{"status": "found"}'$q$, 'idx_structured_data_json', 1),
      ($q$apex.structured_data WHERE data_id = '17'$q$, 'idx_structured_data_data_id', 1)
    ) AS c (condition, index_name, wanted)
  LOOP
    EXECUTE 'EXPLAIN (FORMAT json) SELECT * FROM ' || v_case.condition INTO v_plan;
    ASSERT v_plan::text LIKE '%"' || v_case.index_name || '"%', format('%s: %s', v_case.condition, v_plan);
    EXECUTE 'SELECT count(*) FROM ' || v_case.condition INTO v_count;
    ASSERT v_count = v_case.wanted, format('%s: %s rows', v_case.condition, v_count);
  END LOOP;

  UPDATE apex.entities AS e
  SET metadata = jsonb_set(e.metadata, '{account, email}', '"b@test.example"') - 'phone'
  WHERE e.metadata ? 'phone';
  ASSERT (SELECT count(*) = 3 FROM apex.entities AS e WHERE e.metadata -> 'account' ->> 'email' = 'b@test.example'), 'a nested value';
  ASSERT (SELECT count(*) = 0 FROM apex.entities AS e WHERE e.metadata ? 'phone'), 'a key that is gone';
  ASSERT (
    SELECT bool_and(e.source = 'unknown') FROM apex.entities AS e WHERE e.name LIKE 'entity %'
  ), 'the new column has its default';

  FOR v_case IN
    SELECT c.statement
    FROM (VALUES
      ($q$INSERT INTO apex.entities (name, entity_type, confidence) VALUES ('x', 'x', 1.1)$q$),
      ($q$INSERT INTO apex.entities (name, entity_type, metadata) VALUES ('x', 'x', '[]')$q$),
      ($q$INSERT INTO apex.entities (name, entity_type, source) VALUES ('x', 'x', NULL)$q$),
      ($q$UPDATE apex.invoices SET amount = 0 WHERE invoice_number = 'T-1'$q$),
      ($q$UPDATE apex.invoices SET amount = NULL WHERE invoice_number = 'T-1'$q$),
      ($q$UPDATE apex.invoices SET status = 'lost' WHERE invoice_number = 'T-1'$q$),
      ($q$UPDATE apex.invoices SET due_date = '2049-12-31' WHERE invoice_number = 'T-1'$q$),
      ($q$UPDATE apex.invoices SET invoice_number = 'T-2' WHERE invoice_number = 'T-1'$q$),
      ($q$DELETE FROM apex.customers WHERE name = 'Acme'$q$)
    ) AS c (statement)
  LOOP
    BEGIN
      EXECUTE v_case.statement;
      ASSERT false, format('is refused: %s', v_case.statement);
    EXCEPTION WHEN check_violation OR not_null_violation OR unique_violation OR foreign_key_violation OR restrict_violation THEN
      NULL;
    END;
  END LOOP;
END
$$;

SET LOCAL ROLE apex_keeper;

DO $$
BEGIN
  ASSERT apex.mark_overdue('2050-01-16') = 1, 'what was due before today';
  ASSERT (
    SELECT array_agg(i.invoice_number ORDER BY i.invoice_number) = '{T-1}'
    FROM apex.invoices AS i WHERE i.status = 'overdue' AND i.invoice_number LIKE 'T-%'
  ), 'and is not paid';
END
$$;
ROLLBACK;
