-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

CREATE TABLE apex.customers (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL CHECK (name <> ''),
  created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE apex.customers IS 'Who invoices are sent to.';

CREATE TABLE apex.invoices (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  invoice_number text NOT NULL UNIQUE CHECK (invoice_number <> ''),
  -- RESTRICT: who has invoices cannot be deleted.
  customer_id uuid NOT NULL REFERENCES apex.customers (id) ON DELETE RESTRICT,
  -- NOT NULL beside CHECK: a CHECK lets NULL pass.
  amount numeric(12, 2) NOT NULL CHECK (amount > 0),
  status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'sent', 'paid', 'overdue')),
  issue_date date NOT NULL,
  due_date date NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT invoices_due_date_check CHECK (due_date >= issue_date)
);

COMMENT ON TABLE apex.invoices IS 'Invoices to customers.';

CREATE INDEX idx_invoices_customer_id ON apex.invoices (customer_id, issue_date DESC);

-- What is waited for: the few that are neither drafts nor paid.
CREATE INDEX idx_invoices_open ON apex.invoices (due_date) WHERE status IN ('sent', 'overdue');

CREATE TRIGGER invoices_updated_at BEFORE UPDATE ON apex.invoices
FOR EACH ROW EXECUTE FUNCTION apex.touch_updated_at();

CREATE FUNCTION apex.mark_overdue(p_today date DEFAULT (now() AT TIME ZONE 'UTC')::date)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path = ''
AS $$
DECLARE
  v_count bigint;
BEGIN
  UPDATE apex.invoices AS i SET status = 'overdue' WHERE i.status = 'sent' AND i.due_date < p_today;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END
$$;

COMMENT ON FUNCTION apex.mark_overdue(date) IS
'Invoices that were due before this day and are not paid become overdue; returns how many.';

-- Records of other systems as they came, with what they say in words, for a search by meaning.
CREATE TABLE apex.structured_data (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  data_id text NOT NULL CHECK (data_id <> ''),
  data_type text NOT NULL CHECK (data_type <> ''),
  raw_json jsonb NOT NULL,
  text_representation text,
  embedding extensions.vector(1536),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- So that a record which comes again can be INSERT ... ON CONFLICT DO UPDATE.
  CONSTRAINT structured_data_identity_key UNIQUE (data_type, data_id)
);

COMMENT ON TABLE apex.structured_data IS 'Records of other systems; one a data_id of its type.';

CREATE INDEX idx_structured_data_data_id ON apex.structured_data (data_id);
CREATE INDEX idx_structured_data_json ON apex.structured_data USING gin (raw_json);

CREATE TRIGGER structured_data_updated_at BEFORE UPDATE ON apex.structured_data
FOR EACH ROW EXECUTE FUNCTION apex.touch_updated_at();

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE apex.structured_data;
DROP FUNCTION apex.mark_overdue(date);
-- squawk-ignore ban-drop-table
DROP TABLE apex.invoices;
-- squawk-ignore ban-drop-table
DROP TABLE apex.customers;
