-- migrate:up
-- The runner sets both timeouts.
-- squawk-ignore-file require-lock-timeout, require-statement-timeout
-- One transaction a file: nothing is left half done.
-- squawk-ignore-file prefer-robust-stmts

-- Bodies in BEGIN ATOMIC are parsed when the function is made, so no search_path of a caller changes what they mean, and
-- without SET the planner can put them into the query that calls them.

-- The next page begins behind the last row of this one. OFFSET, and numbers by row_number(), read and count all rows before a
-- page, and show rows twice or never when others are added meanwhile. A first page is behind what comes after all: so there is
-- one condition, and the index serves it.
CREATE FUNCTION patterns.users_page(
  p_limit int DEFAULT 20,
  p_created_at timestamptz DEFAULT 'infinity',
  p_id uuid DEFAULT 'ffffffff-ffff-ffff-ffff-ffffffffffff'
)
RETURNS TABLE (id uuid, username text, email text, display_name text, created_at timestamptz)
LANGUAGE sql
STABLE
SECURITY INVOKER
BEGIN ATOMIC
  SELECT u.id, u.username, u.email, p.display_name, u.created_at
  FROM patterns.users AS u
  LEFT JOIN patterns.user_profiles AS p ON p.user_id = u.id
  WHERE (u.created_at, u.id) < (p_created_at, p_id)
  ORDER BY u.created_at DESC, u.id DESC
  LIMIT p_limit;
END;

COMMENT ON FUNCTION patterns.users_page(int, timestamptz, uuid) IS
'Users from the newest on, behind the one with this created_at and id: the last row of the page before.';

-- plainto: all words of the query; where English has them as stop words they count as names. Each condition is of one table,
-- and has an index there; OR over a join of both has none. Then only what was found is ranked.
CREATE FUNCTION patterns.search_users(p_query text, p_limit int DEFAULT 20)
RETURNS TABLE (id uuid, username text, display_name text, username_sim real, search_rank real)
LANGUAGE sql
STABLE
SECURITY INVOKER
BEGIN ATOMIC
  WITH found AS (
    SELECT u.id
    FROM patterns.users AS u
    WHERE u.username OPERATOR(extensions.%) p_query
    UNION
    SELECT p.user_id
    FROM patterns.user_profiles AS p
    WHERE p.search @@ (plainto_tsquery('pg_catalog.english', p_query) || plainto_tsquery('pg_catalog.simple', p_query))
  )

  SELECT
    u.id,
    u.username,
    p.display_name,
    coalesce(extensions.similarity(u.username, p_query), 0) AS username_sim,
    coalesce(
      ts_rank_cd(
        p.search,
        plainto_tsquery('pg_catalog.english', p_query) || plainto_tsquery('pg_catalog.simple', p_query)
      ),
      0
    ) AS search_rank
  FROM found
  INNER JOIN patterns.users AS u ON u.id = found.id
  LEFT JOIN patterns.user_profiles AS p ON p.user_id = found.id
  ORDER BY username_sim DESC, search_rank DESC, u.id
  LIMIT p_limit;
END;

COMMENT ON FUNCTION patterns.search_users(text, int) IS
'Users whose name looks like the query, or whose profile has its words. pg_trgm.similarity_threshold says what looks like.';

-- migrate:down
DROP FUNCTION patterns.search_users(text, int);
DROP FUNCTION patterns.users_page(int, timestamptz, uuid);
