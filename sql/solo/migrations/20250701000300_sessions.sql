-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

-- LIST partitioned, so that the sessions of a jurisdiction can be kept, moved or dropped on their own.
CREATE TABLE users.sessions (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  country_code text NOT NULL CHECK (country_code ~ '^[A-Z]{2}$'),
  user_id bigint NOT NULL,
  -- The hash, not the token: a leaked backup must not open sessions.
  token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
  user_agent text,
  client_address inet,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_seen_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  -- Both keys carry the partition key, as PostgreSQL demands.
  CONSTRAINT sessions_pkey PRIMARY KEY (id, country_code),
  CONSTRAINT sessions_token_hash_key UNIQUE (token_hash, country_code),
  CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users.users (id) ON DELETE CASCADE,
  CONSTRAINT sessions_expiry_check CHECK (expires_at > created_at)
) PARTITION BY LIST (country_code);

COMMENT ON TABLE users.sessions IS
'Signed-in sessions, LIST partitioned by the ISO 3166-1 alpha-2 code of the country they began in.';

CREATE TABLE users.sessions_europe PARTITION OF users.sessions
FOR VALUES IN (
  'AT', 'BE', 'BG', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GR', 'HR', 'HU', 'IE', 'IS', 'IT', 'LI', 'LT',
  'LU', 'LV', 'MT', 'NL', 'NO', 'PL', 'PT', 'RO', 'SE', 'SI', 'SK'
);

CREATE TABLE users.sessions_north_america PARTITION OF users.sessions FOR VALUES IN ('CA', 'MX', 'US');

CREATE TABLE users.sessions_default PARTITION OF users.sessions DEFAULT;

COMMENT ON TABLE users.sessions_europe IS 'Sessions begun in the European Economic Area.';
COMMENT ON TABLE users.sessions_north_america IS 'Sessions begun in Canada, Mexico or the United States.';
COMMENT ON TABLE users.sessions_default IS 'Sessions begun anywhere that has no partition of its own.';

CREATE INDEX idx_sessions_user_id ON users.sessions (user_id);
CREATE INDEX idx_sessions_expires_at ON users.sessions (expires_at);

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE users.sessions;
