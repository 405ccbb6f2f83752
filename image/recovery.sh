# Sourced by restore.sh and drill.sh: restores a cluster from a backup, and recovers it up to a target in an isolated server.
# shellcheck shell=bash disable=SC2034 # variables are used by the scripts that source this file

. run-role.sh

recovery_log=/tmp/recovery.log
restore_log=/tmp/restore.log

# remove_cluster FOLDER: removes a cluster, with the files of its tablespaces, which are outside of the folder.
remove_cluster() {
  local link
  for link in "$1"/pg_tblspc/*; do
    [ ! -L "$link" ] || rm -rf "$(readlink "$link")"/PG_[0-9]*_[0-9]*
  done
  rm -rf "$1"
}

# recover FOLDER CONF STANZA ARGUMENTS OF pgbackrest restore...: starts a server, recovers it up to the target, and leaves it running
# with a socket in /tmp; its pid is $recovered. Sets $backup to the label of the backup that pgBackRest has chosen, and $recovered_to to
# the commit time of the last replayed transaction; to nothing if there is none.
recover() {
  local folder=$1 conf=$2 stanza=$3 code=0
  shift 3
  backup='' recovered_to=''
  remove_cluster "$folder"
  # shellcheck disable=SC2174 # the parent folder exists
  mkdir -p -m 0700 "$folder" "${PGDATA%/*}/spool"
  echo "pgwright: restoring files"
  pgbackrest --config="$conf" --stanza="$stanza" --pg1-path="$folder" --log-level-console=info restore "$@" | tee "$restore_log" || code=$?
  # A restore has no output in JSON.
  backup=$(sed -n 's/.*restore backup set \([^ ,]*\).*/\1/p' "$restore_log" | tail -n 1)
  [ "$code" = 0 ] || return "$code"
  start_recovered "$folder"
}

# start_recovered FOLDER: starts the server of a copied cluster, and waits until its recovery has ended.
start_recovered() {
  # hot_standby off: no session has to connect before the end, and then parameters may be lower than those of the original server.
  # WAL of the new timeline stays, marked as not archived yet, for the server that will use the cluster.
  cat >/tmp/postgresql.conf <<'CONF'
unix_socket_directories = '/tmp'
hba_file = '/tmp/pg_hba.conf'
ident_file = '/tmp/pg_ident.conf'
hot_standby = off
archive_mode = on
max_prepared_transactions = 100
logging_collector = off
log_min_messages = log
timezone = 'UTC'
log_timezone = 'UTC'
CONF
  # The operating system user of this container is the superuser; temporary roles of runs have no password.
  printf 'local all %s peer map=pgwright\n' postgres /^pgwright_run_agent_ >/tmp/pg_hba.conf
  printf 'pgwright postgres %s\n' postgres /^pgwright_run_agent_ >/tmp/pg_ident.conf
  echo "pgwright: replaying WAL"
  local missing made=''
  while ! replay "$1"; do
    # Replay of CREATE TABLESPACE needs its folder; the next start continues from here.
    missing=$(sed -n 's/.*FATAL:  directory "\(.*\)" does not exist$/\1/p' "$recovery_log" | tail -n 1)
    # shellcheck disable=SC2174 # the mode is that of the tablespace, not of its parent folders
    if [ -n "$missing" ] && [ "$missing" != "$made" ] && mkdir -p -m 0700 "$missing"; then
      made=$missing
      continue
    fi
    echo "pgwright: recovery did not reach its target:" >&2
    grep -E 'FATAL|ERROR|PANIC|LOG:  (starting|restored|redo|consistent|last completed)' "$recovery_log" |
      grep -vE 'database system is (starting up|not (yet )?accepting)' | tail -n 10 >&2
    return 1
  done
  grep -E 'last completed transaction|recovery stopping|redo done|selected new timeline' "$recovery_log" || true
  recovered_to=$(query postgres <<<"SELECT pg_last_xact_replay_timestamp()")
}

# replay FOLDER: starts the server, and waits until it accepts connections; fails if the server ends before.
replay() {
  # Arguments override ALTER SYSTEM of the original server. With a repository in a bucket, the container has a network: the copy must
  # not listen on its addresses, follow a publication, run jobs or archive.
  postgres -D "$1" -c config_file=/tmp/postgresql.conf -c listen_addresses= -c max_logical_replication_workers=0 \
    -c shared_preload_libraries= -c archive_command=false >"$recovery_log" 2>&1 &
  recovered=$!
  while kill -0 "$recovered" 2>/dev/null && ! pg_isready --quiet --host=/tmp; do sleep 0.2; done
  kill -0 "$recovered" 2>/dev/null
}

# query DATABASE OPTIONS...: runs the SQL of stdin, and prints a row a line.
query() {
  local database=$1
  shift
  psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --host /tmp --username postgres --dbname "$(connection "$database")" "$@"
}

# Shuts the recovered server down.
stop_recovered() {
  kill -INT "$recovered"
  wait "$recovered" || true
}
