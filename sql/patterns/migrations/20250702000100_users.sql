-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

CREATE TABLE patterns.users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email text NOT NULL CHECK (email LIKE '_%@_%' AND char_length(email) <= 255),
  username text UNIQUE CHECK (char_length(username) BETWEEN 1 AND 50),
  password_hash text NOT NULL CHECK (password_hash <> ''),
  email_verified boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  last_login_at timestamptz
);

COMMENT ON TABLE patterns.users IS 'Accounts; one an e-mail address, whatever its case.';

-- An expression index: the same mailbox must not register twice, and a sign-in finds it whatever its case.
CREATE UNIQUE INDEX idx_users_email ON patterns.users (lower(email));

-- Both columns, as several users can have one created_at: the order of patterns.users_page has no ties.
CREATE INDEX idx_users_created_at ON patterns.users (created_at DESC, id DESC);

-- A partial index has only the few rows that patterns.forget_unverified looks for.
CREATE INDEX idx_users_unverified ON patterns.users (created_at) WHERE NOT email_verified;

-- For names that are misspelt, or known in part.
CREATE INDEX idx_users_username_trgm ON patterns.users USING gin (username extensions.gin_trgm_ops);

CREATE FUNCTION patterns.touch_updated_at()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = ''
AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

COMMENT ON FUNCTION patterns.touch_updated_at() IS
'Trigger: updated_at is when the row was changed last, whoever forgets to say so.';

CREATE TRIGGER users_updated_at BEFORE UPDATE ON patterns.users
FOR EACH ROW EXECUTE FUNCTION patterns.touch_updated_at();

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE patterns.users;
DROP FUNCTION patterns.touch_updated_at();
