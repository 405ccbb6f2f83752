-- The declared sets. With IF NOT EXISTS, because this step also brings the table of a pgwright without steps to this version.

GRANT USAGE ON SCHEMA pgwright TO PUBLIC;

CREATE TABLE IF NOT EXISTS pgwright.tiers_sets (
  schema_name name NOT NULL,
  set_name name NOT NULL,
  owner_name name NOT NULL,
  config jsonb NOT NULL,
  -- As pg_get_viewdef prints it: a different text shows that the view was edited.
  view_definition text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (schema_name, set_name)
);

COMMENT ON TABLE pgwright.tiers_sets IS 'Tiered tables: one row per set, with its configuration as tiers_create completed it.';

ALTER TABLE pgwright.tiers_sets ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON pgwright.tiers_sets TO PUBLIC;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = 'pgwright.tiers_sets'::regclass) THEN
    CREATE POLICY owners_read ON pgwright.tiers_sets FOR SELECT TO PUBLIC
      USING (pg_has_role(current_user, owner_name, 'USAGE'));
  END IF;
END
$$;
