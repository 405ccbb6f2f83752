-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done, and nobody uses the new table yet.
-- squawk-ignore-file prefer-robust-stmts, require-concurrent-index-creation

CREATE TABLE patterns.user_profiles (
  user_id uuid PRIMARY KEY REFERENCES patterns.users (id) ON DELETE CASCADE,
  display_name text CHECK (char_length(display_name) <= 100),
  bio text,
  avatar_url text CHECK (char_length(avatar_url) <= 500),
  -- Several values of one kind, and never more of each: an array needs no table of its own.
  languages text[] NOT NULL DEFAULT '{}',
  preferences jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(preferences) = 'object'),
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- Computed when a row is written, so that an index can hold it. Names are not stemmed, and are not left out as stop words
  -- ("Will"); a configuration that is named, and not default_text_search_config, is what makes it immutable.
  search tsvector NOT NULL GENERATED ALWAYS AS (
    setweight(to_tsvector('pg_catalog.simple', coalesce(display_name, '')), 'A')
    || setweight(to_tsvector('pg_catalog.english', coalesce(bio, '')), 'B')
  ) STORED
);

COMMENT ON TABLE patterns.user_profiles IS 'What users tell about themselves; at most one row a user.';

CREATE INDEX idx_user_profiles_search ON patterns.user_profiles USING gin (search);
CREATE INDEX idx_user_profiles_languages ON patterns.user_profiles USING gin (languages);

-- jsonb_ops: whether a key is there (?) is asked too, not only what it holds (@>).
CREATE INDEX idx_user_profiles_preferences ON patterns.user_profiles USING gin (preferences);

CREATE TRIGGER user_profiles_updated_at BEFORE UPDATE ON patterns.user_profiles
FOR EACH ROW EXECUTE FUNCTION patterns.touch_updated_at();

-- migrate:down
-- squawk-ignore ban-drop-table
DROP TABLE patterns.user_profiles;
