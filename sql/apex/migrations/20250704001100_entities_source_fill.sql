-- migrate:up transaction:false
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout

-- Each batch is a transaction of its own: rows are locked for a moment, and what was filled stays filled if this is stopped.
DO $$
BEGIN
  LOOP
    UPDATE apex.entities AS e
    SET source = coalesce(e.metadata ->> 'source', 'unknown')
    WHERE e.id IN (SELECT n.id FROM apex.entities AS n WHERE n.source IS NULL LIMIT 5000 FOR UPDATE);
    EXIT WHEN NOT FOUND;
    COMMIT;
  END LOOP;
END
$$;

-- migrate:down
