-- An entity is in all stores in the end, or in none; workers that are slow, fail or die do not change that.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE apex_app;

DO $$
DECLARE
  v_at timestamptz := '2050-01-01 00:00+00';
  v_entity uuid := apex.ingest_entity('key 1', 'Acme', 'Customer', '{"source": "crm"}', p_now => v_at);
  v_neo4j record;
  v_qdrant record;
  v_again record;
  v_node uuid := gen_random_uuid();
  v_tries int;
BEGIN
  -- All goes well.
  ASSERT apex.ingest_entity('key 1', 'Acme', 'Customer', p_now => v_at) = v_entity, 'the same key is the same entity';
  ASSERT (SELECT e.state = 'pending' FROM apex.entities AS e WHERE e.id = v_entity), 'not to be found yet';
  SELECT * INTO STRICT v_neo4j FROM apex.claim_saga_steps('neo4j', p_now => v_at);
  ASSERT v_neo4j.entity_id = v_entity AND v_neo4j.action = 'write' AND v_neo4j.external_id IS NULL, 'a step';
  ASSERT NOT EXISTS (SELECT FROM apex.claim_saga_steps('neo4j', p_now => v_at)), 'nobody else gets it';
  ASSERT apex.finish_saga_step(v_neo4j.step_id, v_neo4j.attempt, v_node::text, v_at), 'done';
  ASSERT NOT apex.finish_saga_step(v_neo4j.step_id, v_neo4j.attempt, v_node::text, v_at), 'once';
  SELECT * INTO STRICT v_qdrant FROM apex.claim_saga_steps('qdrant', p_now => v_at);

  -- The worker is too slow, and another one gets the step when the claim is over.
  SELECT * INTO STRICT v_again FROM apex.claim_saga_steps('qdrant', p_now => v_at + interval '2 minutes');
  ASSERT v_again.step_id = v_qdrant.step_id AND v_again.attempt = 2, 'again';
  ASSERT NOT apex.finish_saga_step(v_qdrant.step_id, v_qdrant.attempt, 'point 1', v_at), 'too late';
  ASSERT apex.finish_saga_step(v_again.step_id, v_again.attempt, 'point 1', v_at + interval '3 minutes'), 'done';
  ASSERT (SELECT e.state = 'active' FROM apex.entities AS e WHERE e.id = v_entity), 'to be found';
  ASSERT (
    SELECT m.neo4j_uuid = v_node AND m.qdrant_point_id = 'point 1' AND m.graphiti_uuid IS NULL
    FROM apex.entity_id_mapping AS m WHERE m.internal_id = v_entity
  ), 'what the others call it';
  ASSERT (SELECT g.state = 'done' FROM apex.sagas AS g WHERE g.entity_id = v_entity), 'the saga is over';

  -- A store fails for good after another has written, and while a third is being written.
  v_entity := apex.ingest_entity('key 2', 'Umbrella', 'Customer', p_stores => '{neo4j,qdrant,graphiti}', p_now => v_at);
  SELECT * INTO STRICT v_neo4j FROM apex.claim_saga_steps('neo4j', p_now => v_at);
  ASSERT apex.finish_saga_step(v_neo4j.step_id, v_neo4j.attempt, gen_random_uuid()::text, v_at), 'written';
  FOR v_tries IN 1..3 LOOP
    v_at := v_at + interval '1 minute';
    SELECT * INTO STRICT v_qdrant FROM apex.claim_saga_steps('qdrant', p_now => v_at);
    IF v_tries = 3 THEN
      PERFORM apex.claim_saga_steps('graphiti', p_claim => '5 minutes', p_now => v_at);
    END IF;
    ASSERT apex.fail_saga_step(v_qdrant.step_id, v_qdrant.attempt, 'timeout', 3, v_at)
      = CASE v_tries WHEN 3 THEN 'given up' ELSE 'again' END, 'how it goes on';
    ASSERT NOT EXISTS (
      SELECT FROM apex.claim_saga_steps('qdrant', p_now => v_at + interval '1 second') AS s WHERE s.action = 'write'
    ), 'pause';
  END LOOP;
  ASSERT (SELECT g.state = 'compensating' AND g.error = 'qdrant: timeout' FROM apex.sagas AS g WHERE g.entity_id = v_entity), 'undone';

  v_at := v_at + interval '2 minutes';
  SELECT * INTO STRICT v_neo4j FROM apex.claim_saga_steps('neo4j', p_now => v_at);
  ASSERT v_neo4j.action = 'undo' AND v_neo4j.external_id IS NOT NULL, 'what was written is undone, by its name there';
  ASSERT apex.fail_saga_step(v_neo4j.step_id, v_neo4j.attempt, 'timeout', 1, v_at) = 'again', 'undoing is not given up';
  SELECT * INTO STRICT v_qdrant FROM apex.claim_saga_steps('qdrant', p_now => v_at);
  ASSERT v_qdrant.action = 'undo', 'what failed may have been half done';
  ASSERT apex.finish_saga_step(v_qdrant.step_id, v_qdrant.attempt, p_now => v_at), 'undone';
  ASSERT NOT EXISTS (SELECT FROM apex.claim_saga_steps('graphiti', p_now => v_at)), 'what may be written now is undone later';
  v_at := v_at + interval '10 minutes';
  SELECT * INTO STRICT v_neo4j FROM apex.claim_saga_steps('neo4j', p_now => v_at);
  ASSERT apex.finish_saga_step(v_neo4j.step_id, v_neo4j.attempt, p_now => v_at), 'undone';
  ASSERT EXISTS (SELECT FROM apex.entities AS e WHERE e.id = v_entity), 'the last one has not been';
  SELECT * INTO STRICT v_again FROM apex.claim_saga_steps('graphiti', p_now => v_at);
  ASSERT v_again.action = 'undo' AND apex.finish_saga_step(v_again.step_id, v_again.attempt, p_now => v_at), 'undone';
  ASSERT NOT EXISTS (SELECT FROM apex.entities AS e WHERE e.id = v_entity), 'nothing of it is left';
  ASSERT NOT EXISTS (SELECT FROM apex.entity_id_mapping AS m WHERE m.internal_id = v_entity), 'nor its names';
  ASSERT (SELECT g.state = 'compensated' FROM apex.sagas AS g WHERE g.entity_id = v_entity), 'but that it was tried';

  BEGIN
    PERFORM apex.ingest_entity('key 3', 'Nobody', 'Customer', p_stores => '{}');
    ASSERT false, 'a saga needs a store';
  EXCEPTION WHEN invalid_parameter_value THEN
    NULL;
  END;
END
$$;

SET LOCAL ROLE apex_keeper;

DO $$
BEGIN
  ASSERT apex.forget_sagas('30 days', '2050-01-31 00:02+00') = 0, 'not before their time';
  ASSERT apex.forget_sagas('30 days', '2050-02-01 00:00+00') = 2, 'sagas that ended long ago';
END
$$;

SET LOCAL ROLE apex_app;

DO $$
BEGIN
  ASSERT NOT EXISTS (
    SELECT FROM apex.saga_steps AS s JOIN apex.sagas AS g ON g.id = s.saga_id WHERE g.idempotency_key LIKE 'key _'
  ), 'with their steps';
  ASSERT EXISTS (SELECT FROM apex.entities AS e WHERE e.name = 'Acme'), 'the entity stays';
END
$$;
ROLLBACK;
