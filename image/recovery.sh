# Sourced by restore.sh and drill.sh: a cluster from a backup, recovered up to a target, in a container without a network.

recovery_log=/tmp/recovery.log
# What a database or a role says of its sessions has come along: nothing here may be cut short by it.
export PGOPTIONS="-c statement_timeout=0 -c transaction_timeout=0 -c idle_in_transaction_session_timeout=0 -c lock_timeout=0 \
-c default_transaction_read_only=off"

# recover FOLDER CONF STANZA ARGUMENTS OF pgbackrest restore...: leaves a server that has reached the target and takes connections
# by a socket in /tmp; its process is $recovered.
recover() {
  local folder=$1 conf=$2 stanza=$3
  shift 3
  rm -rf "$folder"
  mkdir -p -m 0700 "$folder" "${PGDATA%/*}/spool"
  echo "pgwright: restoring files"
  pgbackrest --config="$conf" --stanza="$stanza" --pg1-path="$folder" --log-level-console=info restore "$@" || return
  start_recovered "$folder"
}

# start_recovered FOLDER: starts the server of a cluster that has been copied, and waits until its recovery has ended.
start_recovered() {
  # hot_standby off: nobody has to connect before the end, and then no parameter must be as large as it was at the server.
  # WAL of the new timeline stays, with the mark that it has to be archived, for a server that takes over.
  cat >/tmp/postgresql.conf <<'CONF'
listen_addresses = ''
unix_socket_directories = '/tmp'
hba_file = '/tmp/pg_hba.conf'
ident_file = '/tmp/pg_ident.conf'
hot_standby = off
archive_mode = on
archive_command = 'false'
max_prepared_transactions = 100
logging_collector = off
log_min_messages = log
timezone = 'UTC'
log_timezone = 'UTC'
CONF
  echo "local all postgres peer" >/tmp/pg_hba.conf
  : >/tmp/pg_ident.conf
  echo "pgwright: replaying WAL"
  postgres -D "$1" -c config_file=/tmp/postgresql.conf >"$recovery_log" 2>&1 &
  recovered=$!
  while kill -0 "$recovered" 2>/dev/null && ! pg_isready --quiet --host=/tmp; do sleep 0.2; done
  if ! kill -0 "$recovered" 2>/dev/null; then
    echo "pgwright: recovery did not come to its end:" >&2
    grep -E 'FATAL|ERROR|PANIC|LOG:  (starting|restored|redo|consistent|last completed)' "$recovery_log" |
      grep -vE 'database system is (starting up|not (yet )?accepting)' | tail -n 10 >&2
    return 1
  fi
  grep -E 'last completed transaction|recovery stopping|redo done|selected new timeline' "$recovery_log" || true
}

# query DATABASE OPTIONS...: SQL comes on stdin, one value a row goes out.
query() {
  local database=$1
  shift
  psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --host /tmp --username postgres --dbname "$database" "$@"
}

# Shuts the recovered server down.
stop_recovered() {
  kill -INT "$recovered"
  wait "$recovered" || true
}
