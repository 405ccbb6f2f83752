-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

-- What other stores call a row here. No foreign key: once an entity is deleted here, what it is called there has still to be
-- known to delete it there.
CREATE TABLE apex.entity_id_mapping (
  internal_id uuid PRIMARY KEY,
  neo4j_uuid uuid UNIQUE,
  qdrant_point_id text UNIQUE,
  graphiti_uuid uuid UNIQUE,
  entity_type text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE apex.entity_id_mapping IS 'Ids of entities in other stores; NULL: not there. Each id is one entity''s.';

CREATE INDEX idx_entity_id_mapping_entity_type ON apex.entity_id_mapping (entity_type);

-- A transaction here cannot be held open while other stores are written: it would hold locks as long as the network takes, and
-- its COMMIT can fail after all others have succeeded. So a short transaction writes the entity and what is to be done
-- elsewhere; workers do that, each step as often as it takes; and if one is given up, what was done is undone. Writes of
-- workers have to be idempotent, by the entity's id.
CREATE TABLE apex.sagas (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  -- A client that does not know whether its call has succeeded calls again with the same key.
  idempotency_key text NOT NULL UNIQUE CHECK (idempotency_key <> ''),
  -- No foreign key: a saga that was undone has no entity any more.
  entity_id uuid NOT NULL,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'compensating', 'done', 'compensated')),
  error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  CONSTRAINT sagas_finished_check CHECK ((finished_at IS NOT NULL) = (state IN ('done', 'compensated')))
);

COMMENT ON TABLE apex.sagas IS 'Writes of an entity into several stores: all of them in the end, or none.';

CREATE INDEX idx_sagas_finished_at ON apex.sagas (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE apex.saga_steps (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  saga_id uuid NOT NULL REFERENCES apex.sagas (id) ON DELETE CASCADE,
  store text NOT NULL CHECK (store IN ('neo4j', 'qdrant', 'graphiti')),
  action text NOT NULL CHECK (action IN ('write', 'undo')),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'cancelled')),
  -- Also the number of a claim: a worker that was too slow cannot finish what another one has claimed since.
  attempts bigint NOT NULL DEFAULT 0,
  -- Nobody else takes it before: a worker has claimed it, or it has failed and pauses.
  not_before timestamptz NOT NULL DEFAULT now(),
  last_error text,
  CONSTRAINT saga_steps_key UNIQUE (saga_id, store, action)
);

COMMENT ON TABLE apex.saga_steps IS 'What workers do in other stores, claimed by apex.claim_saga_steps.';

CREATE INDEX idx_saga_steps_open ON apex.saga_steps (store, not_before) WHERE state = 'open';

CREATE FUNCTION apex.ingest_entity(
  p_key text,
  p_name text,
  p_entity_type text,
  p_metadata jsonb DEFAULT '{}',
  p_stores text[] DEFAULT '{neo4j,qdrant}',
  p_now timestamptz DEFAULT now()
)
RETURNS uuid
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_entity uuid := gen_random_uuid();
  v_saga uuid;
BEGIN
  IF cardinality(p_stores) IS NOT DISTINCT FROM 0 OR p_stores IS NULL THEN
    RAISE EXCEPTION 'p_stores must name a store' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Who comes second with a key waits here for the first.
  INSERT INTO apex.sagas (idempotency_key, entity_id, created_at) VALUES (p_key, v_entity, p_now)
  ON CONFLICT (idempotency_key) DO NOTHING
  RETURNING id INTO v_saga;
  IF v_saga IS NULL THEN
    RETURN (SELECT s.entity_id FROM apex.sagas AS s WHERE s.idempotency_key = p_key);
  END IF;
  INSERT INTO apex.entities (id, name, entity_type, metadata, state) VALUES (v_entity, p_name, p_entity_type, p_metadata, 'pending');
  INSERT INTO apex.entity_id_mapping (internal_id, entity_type) VALUES (v_entity, p_entity_type);
  INSERT INTO apex.saga_steps (saga_id, store, action, not_before)
  SELECT DISTINCT v_saga, s.store, 'write', p_now FROM unnest(p_stores) AS s (store);
  RETURN v_entity;
END
$$;

COMMENT ON FUNCTION apex.ingest_entity(text, text, text, jsonb, text[], timestamptz) IS
'Writes an entity that nobody finds before all p_stores have it; the same key again gives the same id.';

-- migrate:down
DROP FUNCTION apex.ingest_entity(text, text, text, jsonb, text[], timestamptz);
-- squawk-ignore ban-drop-table
DROP TABLE apex.saga_steps;
-- squawk-ignore ban-drop-table
DROP TABLE apex.sagas;
-- squawk-ignore ban-drop-table
DROP TABLE apex.entity_id_mapping;
