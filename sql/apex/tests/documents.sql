-- Figures of documents are kept up by whatever statement; nobody writes them by hand.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE apex_app;

INSERT INTO apex.documents (id, title, doc_type) VALUES
('00000000-0000-0000-0000-000000000001', 'Lease of the north hall', 'contract'),
('00000000-0000-0000-0000-000000000002', 'Minutes of May', 'minutes');

INSERT INTO apex.chunks (document_id, chunk_index, content)
SELECT '00000000-0000-0000-0000-000000000001'::uuid, n, format('paragraph %s', n) FROM generate_series(0, 9) AS n
UNION ALL
SELECT '00000000-0000-0000-0000-000000000002', n, format('item %s', n) FROM generate_series(0, 2) AS n;

INSERT INTO apex.entities (id, name, entity_type) VALUES
('00000000-0000-0000-0000-00000000000a', 'North hall', 'building'),
('00000000-0000-0000-0000-00000000000b', 'Acme', 'company');

INSERT INTO apex.document_entities VALUES
('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a'),
('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000b'),
('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-00000000000b');

DELETE FROM apex.chunks AS c WHERE c.document_id = '00000000-0000-0000-0000-000000000001' AND c.chunk_index >= 7;
DELETE FROM apex.entities AS e WHERE e.id = '00000000-0000-0000-0000-00000000000b';

-- A document and its chunk in one statement: the trigger of chunks may come first.
WITH document AS (INSERT INTO apex.documents (id, title, doc_type) VALUES ('00000000-0000-0000-0000-000000000003', 'Memo', 'memo'))

INSERT INTO apex.chunks (document_id, chunk_index, content) VALUES ('00000000-0000-0000-0000-000000000003', 0, 'at once');

SELECT apex.note_access('00000000-0000-0000-0000-000000000001', '2050-01-02 00:00+00');
SELECT apex.note_access('00000000-0000-0000-0000-000000000001', '2050-01-01 00:00+00');

DO $$
BEGIN
  ASSERT (
    SELECT s.chunk_count = 7 AND s.entity_count = 1 AND s.access_count = 2 AND s.last_accessed = '2050-01-02 00:00+00'
    FROM apex.document_stats AS s WHERE s.document_id = '00000000-0000-0000-0000-000000000001'
  ), format('%s', (SELECT s FROM apex.document_stats AS s WHERE s.document_id = '00000000-0000-0000-0000-000000000001'));
  ASSERT (
    SELECT s.chunk_count = 3 AND s.entity_count = 0 AND s.access_count = 0
    FROM apex.document_stats AS s WHERE s.document_id = '00000000-0000-0000-0000-000000000002'
  ), 'the other one';
  ASSERT (
    SELECT s.chunk_count = 1 FROM apex.document_stats AS s WHERE s.document_id = '00000000-0000-0000-0000-000000000003'
  ), 'a document and its chunk in one statement';

  BEGIN
    UPDATE apex.chunks SET document_id = '00000000-0000-0000-0000-000000000002', chunk_index = 99
    WHERE document_id = '00000000-0000-0000-0000-000000000001' AND chunk_index = 0;
    ASSERT false, 'a chunk does not move';
  EXCEPTION WHEN integrity_constraint_violation THEN
    NULL;
  END;

  BEGIN
    INSERT INTO apex.chunks (document_id, chunk_index, content) VALUES ('00000000-0000-0000-0000-000000000001', 0, 'again');
    ASSERT false, 'one chunk a place';
  EXCEPTION WHEN unique_violation THEN
    NULL;
  END;

  BEGIN
    UPDATE apex.document_stats SET chunk_count = 1;
    ASSERT false, 'figures are the owner''s';
  EXCEPTION WHEN insufficient_privilege THEN
    NULL;
  END;

  DELETE FROM apex.documents AS d WHERE d.id = '00000000-0000-0000-0000-000000000001';
  ASSERT NOT EXISTS (
    SELECT FROM apex.document_stats AS s WHERE s.document_id = '00000000-0000-0000-0000-000000000001'
  ), 'figures go with their document';
  ASSERT (SELECT count(*) = 0 FROM apex.chunks AS c WHERE c.content LIKE 'paragraph%'), 'and so do chunks';
END
$$;
ROLLBACK;
