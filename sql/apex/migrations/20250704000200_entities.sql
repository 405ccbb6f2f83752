-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

CREATE TABLE apex.entities (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  -- Columns for what most queries ask; metadata for what only some entities have.
  name text NOT NULL CHECK (name <> ''),
  entity_type text NOT NULL CHECK (char_length(entity_type) BETWEEN 1 AND 50),
  confidence numeric(5, 4) CHECK (confidence BETWEEN 0 AND 1),
  -- pending: a saga is bringing it into the other stores.
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('pending', 'active')),
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  -- A small model is enough for names; both are NULL until they are computed.
  title_embedding extensions.vector(384),
  description_embedding extensions.vector(1536),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE apex.entities IS 'People, companies and things that documents speak of.';

CREATE INDEX idx_entities_name ON apex.entities (name);
CREATE INDEX idx_entities_type ON apex.entities (entity_type, created_at DESC);

-- jsonb_ops: whether a key is there (?, ?|, ?&) is asked too, not only what it holds (@>).
CREATE INDEX idx_entities_metadata ON apex.entities USING gin (metadata);

-- An index of one path is smaller than that of all, and serves exactly this expression: metadata -> 'tags' @> '["python"]'.
CREATE INDEX idx_entities_tags ON apex.entities USING gin ((metadata -> 'tags') jsonb_path_ops);

-- A single value is looked up in a btree: metadata -> 'account' ->> 'status' = 'active'.
CREATE INDEX idx_entities_account_status ON apex.entities ((metadata -> 'account' ->> 'status'));

CREATE TRIGGER entities_updated_at BEFORE UPDATE ON apex.entities
FOR EACH ROW EXECUTE FUNCTION apex.touch_updated_at();

CREATE TABLE apex.document_entities (
  document_id uuid NOT NULL REFERENCES apex.documents (id) ON DELETE CASCADE,
  entity_id uuid NOT NULL REFERENCES apex.entities (id) ON DELETE CASCADE,
  CONSTRAINT document_entities_pkey PRIMARY KEY (document_id, entity_id)
);

COMMENT ON TABLE apex.document_entities IS 'Which document speaks of which entity.';

CREATE INDEX idx_document_entities_entity_id ON apex.document_entities (entity_id);

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE apex.document_entities;
-- squawk-ignore ban-drop-table
DROP TABLE apex.entities;
