-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- SKIP LOCKED: workers that ask at the same moment get different steps, and none waits. A step whose worker died comes again
-- when its claim is over.
CREATE FUNCTION apex.claim_saga_steps(
  p_store text,
  p_limit int DEFAULT 10,
  p_claim interval DEFAULT '1 minute',
  p_now timestamptz DEFAULT clock_timestamp()
)
RETURNS TABLE (step_id bigint, attempt bigint, action text, entity_id uuid, external_id text)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
BEGIN
  RETURN QUERY
    WITH due AS (
      SELECT s.id
      FROM apex.saga_steps AS s
      WHERE s.store = p_store AND s.state = 'open' AND s.not_before <= p_now
      ORDER BY s.not_before, s.id
      LIMIT p_limit
      FOR UPDATE SKIP LOCKED
    ),

    claimed AS (
      UPDATE apex.saga_steps AS s
      SET attempts = s.attempts + 1, not_before = p_now + p_claim
      FROM due
      WHERE s.id = due.id
      RETURNING s.id, s.attempts, s.action, s.saga_id
    )

    SELECT
      c.id,
      c.attempts,
      c.action,
      g.entity_id,
      CASE p_store WHEN 'neo4j' THEN m.neo4j_uuid::text WHEN 'qdrant' THEN m.qdrant_point_id ELSE m.graphiti_uuid::text END
    FROM claimed AS c
    JOIN apex.sagas AS g ON g.id = c.saga_id
    LEFT JOIN apex.entity_id_mapping AS m ON m.internal_id = g.entity_id
    ORDER BY c.id;
END
$$;

COMMENT ON FUNCTION apex.claim_saga_steps(text, int, interval, timestamptz) IS
'Steps for a worker, which has p_claim to finish or fail each, and must not go on after that.'
' external_id: what the store calls the entity, if known.';

CREATE FUNCTION apex.finish_saga_step(
  p_step_id bigint,
  p_attempt bigint,
  p_external_id text DEFAULT NULL,
  p_now timestamptz DEFAULT clock_timestamp()
)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_saga apex.sagas;
  v_step apex.saga_steps;
BEGIN
  -- The saga first, always: of steps that end at the same moment, the last one has to see that it is the last.
  SELECT g.* INTO v_saga FROM apex.sagas AS g
  WHERE g.id = (SELECT s.saga_id FROM apex.saga_steps AS s WHERE s.id = p_step_id)
  FOR UPDATE;
  UPDATE apex.saga_steps AS s SET state = 'done', last_error = NULL
  WHERE s.id = p_step_id AND s.state = 'open' AND s.attempts = p_attempt
  RETURNING s.* INTO v_step;
  IF v_step.id IS NULL THEN
    RETURN false;
  END IF;

  IF v_step.action = 'write' THEN
    UPDATE apex.entity_id_mapping AS m
    SET
      neo4j_uuid = CASE v_step.store WHEN 'neo4j' THEN p_external_id::uuid ELSE m.neo4j_uuid END,
      qdrant_point_id = CASE v_step.store WHEN 'qdrant' THEN p_external_id ELSE m.qdrant_point_id END,
      graphiti_uuid = CASE v_step.store WHEN 'graphiti' THEN p_external_id::uuid ELSE m.graphiti_uuid END
    WHERE m.internal_id = v_saga.entity_id;
  END IF;

  IF NOT EXISTS (SELECT FROM apex.saga_steps AS s WHERE s.saga_id = v_saga.id AND s.state = 'open') THEN
    UPDATE apex.sagas AS g
    SET state = CASE v_saga.state WHEN 'running' THEN 'done' ELSE 'compensated' END, finished_at = p_now
    WHERE g.id = v_saga.id;
    IF v_saga.state = 'running' THEN
      UPDATE apex.entities AS e SET state = 'active' WHERE e.id = v_saga.entity_id;
    ELSE
      DELETE FROM apex.entities AS e WHERE e.id = v_saga.entity_id;
      DELETE FROM apex.entity_id_mapping AS m WHERE m.internal_id = v_saga.entity_id;
    END IF;
  END IF;
  RETURN true;
END
$$;

COMMENT ON FUNCTION apex.finish_saga_step(bigint, bigint, text, timestamptz) IS
'A worker has done its step; the last one makes the entity active, or removes it.'
' False: the claim was over, and somebody else has it or it was called off.';

CREATE FUNCTION apex.fail_saga_step(
  p_step_id bigint,
  p_attempt bigint,
  p_error text,
  p_max_attempts int DEFAULT 5,
  p_now timestamptz DEFAULT clock_timestamp()
)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_saga apex.sagas;
  v_step apex.saga_steps;
BEGIN
  SELECT g.* INTO v_saga FROM apex.sagas AS g
  WHERE g.id = (SELECT s.saga_id FROM apex.saga_steps AS s WHERE s.id = p_step_id)
  FOR UPDATE;
  -- Pauses of 2, 4, 8 ... seconds, an hour at most. What has to be undone is tried for ever.
  UPDATE apex.saga_steps AS s
  SET last_error = p_error, not_before = p_now + make_interval(secs => least(2 ^ least(s.attempts, 12), 3600))
  WHERE s.id = p_step_id AND s.state = 'open' AND s.attempts = p_attempt
  RETURNING s.* INTO v_step;
  IF v_step.id IS NULL THEN
    RETURN 'not yours';
  END IF;
  IF v_step.action = 'undo' OR v_step.attempts < p_max_attempts THEN
    RETURN 'again';
  END IF;

  UPDATE apex.sagas AS g SET state = 'compensating', error = format('%s: %s', v_step.store, p_error) WHERE g.id = v_saga.id;
  -- Locked before they are read, so that a claim at the same moment is seen.
  PERFORM FROM apex.saga_steps AS s WHERE s.saga_id = v_saga.id ORDER BY s.id FOR UPDATE;
  -- What nobody has begun needs no undoing. What has failed may have been half done; what a worker is doing is undone when its
  -- claim is over.
  INSERT INTO apex.saga_steps (saga_id, store, action, not_before)
  SELECT s.saga_id, s.store, 'undo', CASE WHEN s.state = 'open' AND s.id <> p_step_id THEN greatest(s.not_before, p_now) ELSE p_now END
  FROM apex.saga_steps AS s
  WHERE s.saga_id = v_saga.id AND s.action = 'write' AND s.attempts > 0
  ORDER BY s.id;
  UPDATE apex.saga_steps AS s SET state = 'cancelled' WHERE s.saga_id = v_saga.id AND s.action = 'write' AND s.state = 'open';
  RETURN 'given up';
END
$$;

COMMENT ON FUNCTION apex.fail_saga_step(bigint, bigint, text, int, timestamptz) IS
'A worker could not do its step: it comes again after a pause, or, after p_max_attempts, the whole saga is undone.';

CREATE FUNCTION apex.forget_sagas(p_age interval DEFAULT '30 days', p_now timestamptz DEFAULT now())
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_count bigint;
BEGIN
  IF p_age IS NULL OR p_age < interval '1 day' OR p_now IS NULL OR NOT isfinite(p_now) THEN
    RAISE EXCEPTION 'p_age must be a day or more and p_now a finite time, not % and %',
      coalesce(p_age::text, 'NULL'), coalesce(p_now::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  DELETE FROM apex.sagas AS g WHERE g.finished_at < p_now - p_age;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END
$$;

COMMENT ON FUNCTION apex.forget_sagas(interval, timestamptz) IS
'Deletes sagas that ended so long ago, with their steps: from then on their keys are new again. Returns how many.';

-- migrate:down
DROP FUNCTION apex.forget_sagas(interval, timestamptz);
DROP FUNCTION apex.fail_saga_step(bigint, bigint, text, int, timestamptz);
DROP FUNCTION apex.finish_saga_step(bigint, bigint, text, timestamptz);
DROP FUNCTION apex.claim_saga_steps(text, int, interval, timestamptz);
