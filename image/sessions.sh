# Sourced by scripts that open sessions: puts the session options (see the two files) into the environment of all programs of PostgreSQL.
# shellcheck shell=bash

# options FILE...: prints the options in the format of PGOPTIONS.
options() { (cd /usr/local/share/pgwright && sed -n 's/^-c /&/p' "$@" | tr '\n' ' '); }

# For code of users, and for all other sessions.
run_options=$(options run-options)
export PGOPTIONS
PGOPTIONS="$run_options $(options session-options)"
# connection DATABASE: prints a connection string, since psql reads a database name that contains = as one.
connection() {
  local quote="'" name=${1//\\/\\\\}
  printf "dbname='%s'" "${name//"$quote"/"\\$quote"}"
}

# list ARRAY CONNECT DATABASE: reads the rows of the SQL of stdin, with one value of any text each; CONNECT is a function like ask.
list() {
  mapfile -d '' -t "$1" < <("$2" "$3" --record-separator-zero)
  wait $!
}
list_databases() { # ARRAY CONNECT: databases that allow connections
  list "$1" "$2" postgres <<<"SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname"
}

# In addition, for sessions that are not audited.
# shellcheck disable=SC2034 # used by scripts that source this file
not_audited='-c pgaudit.log=none'
