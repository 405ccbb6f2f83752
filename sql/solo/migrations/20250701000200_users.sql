-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

CREATE TABLE users.users (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email text NOT NULL CHECK (email LIKE '_%@_%'),
  display_name text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  deactivated_at timestamptz
);

COMMENT ON TABLE users.users IS 'People who use the application; one account an e-mail address, whatever its case.';

-- Unique by lower case: the same mailbox must not register twice.
CREATE UNIQUE INDEX idx_users_email ON users.users (lower(email));

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE users.users;
