# Sourced by what opens sessions: the options that they begin with (see the two files), in the environment for all programs of
# PostgreSQL.

# options FILE...: as PGOPTIONS has them.
options() { (cd /usr/local/share/pgwright && sed -n 's/^-c /&/p' "$@" | tr '\n' ' '); }

# Of code that users own, and of everything else.
run_options=$(options run-options)
export PGOPTIONS="$run_options $(options session-options)"
# connection DATABASE: as a connection string, since a name with = in it would be taken for one.
connection() {
  local quote="'" name=${1//\\/\\\\}
  printf "dbname='%s'" "${name//"$quote"/"\\$quote"}"
}

# list ARRAY CONNECT DATABASE: the answer to the SQL of stdin, a value a row, whatever is in it; CONNECT is a function as ask is.
list() {
  mapfile -d '' -t "$1" < <("$2" "$3" --record-separator-zero)
  wait $!
}
list_databases() { # ARRAY CONNECT: those that take sessions
  list "$1" "$2" postgres <<<"SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname"
}

# Beside those, for what is not for the audit log.
not_audited='-c pgaudit.log=none'
