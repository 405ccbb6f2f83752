# Sourced by the scripts of agent and drill: where things are, and how the server is reached.

config=/etc/pgwright/pgbackrest.conf
home=/var/lib/pgwright
dumps=/var/lib/pgwright-dumps
export PGHOST=/var/lib/postgresql/data/socket PGUSER=postgres

# The server's name in the repositories, and the numbers of those.
stanza=$(sed -n 's/^\[\(.*\)\]$/\1/p' "$config" | grep -v '^global$' | head -n 1)
repositories=$(sed -n 's/^repo\([0-9]*\)-path=.*/\1/p' "$config" | sort -n)

# connection DATABASE: as a connection string, since a name with = in it would be taken for one.
connection() { printf "dbname='%s'" "$(sed "s/[\\\\']/\\\\&/g" <<<"$1")"; }

# ask DATABASE OPTIONS...: SQL comes on stdin, one row a line goes out.
ask() {
  local database
  database=$(connection "$1")
  shift
  psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --dbname "$database" "$@"
}

databases() { ask postgres <<<"SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname"; }

# Names and SQL come in the settings as base64, to be one word each.
decoded() { base64 --decode <<<"$1"; }
