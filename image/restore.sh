#!/bin/bash
# Makes the cluster of the data volume from a backup: restores, replays WAL up to the target, promotes, runs what is to be run,
# checks, and shuts down. In a container without a network; the cluster is in its place only once all of that went well.
#   restore.sh STANZA ARGUMENTS OF pgbackrest restore...
# Files in /restore: pgbackrest.conf; run/N.sql and checks/N.sql, each with its database in run/N.database; cron-off, if all cron
# jobs are switched off
set -euo pipefail

stanza=$1
shift
unfinished="$PGDATA.unfinished"
home=/restore
log=/tmp/recovery.log

rm -rf "$unfinished"
mkdir -p -m 0700 "$unfinished" "${PGDATA%/*}/spool"
echo "pgwright: restoring files"
pgbackrest --config="$home/pgbackrest.conf" --stanza="$stanza" --log-level-console=warn restore "$@"

# hot_standby off: nobody has to connect before the end, and then no parameter must be as large as it was at the server.
# WAL of the new timeline stays, with the mark that it has to be archived, for the server that takes over.
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
postgres -D "$unfinished" -c config_file=/tmp/postgresql.conf >"$log" 2>&1 &
server=$!
while kill -0 "$server" 2>/dev/null && ! pg_isready --quiet --host=/tmp; do sleep 0.2; done
if ! kill -0 "$server" 2>/dev/null; then
  echo "pgwright: recovery did not come to its end:" >&2
  grep -E 'FATAL|ERROR|PANIC|LOG:  (starting|restored|redo|consistent|last completed)' "$log" | tail -n 15 >&2
  exit 1
fi
grep -E 'last completed transaction|recovery stopping|redo done|selected new timeline' "$log" || true

query() { # DATABASE; SQL comes on stdin
  psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --host /tmp --username postgres --dbname "$1"
}
failed=0
if [ -e "$home/cron-off" ]; then
  # A copy runs no jobs of its source. By the table: pg_cron is not loaded here, and its trigger wants it.
  for database in $(query postgres <<<"SELECT datname FROM pg_database WHERE datallowconn AND datname !~ '\s'"); do
    [ -z "$(query "$database" <<<"SELECT to_regclass('cron.job')")" ] ||
      query "$database" <<<"SET session_replication_role = replica; UPDATE cron.job SET active = false" >/dev/null
  done
fi
for file in "$home"/run/*.sql; do
  [ -e "$file" ] || continue
  query "$(cat "${file%.sql}.database")" <"$file" >/dev/null || { echo "pgwright: SQL of the restore failed: $(head -c 200 "$file")" >&2; failed=1; }
done
for file in "$home"/checks/*.sql; do
  [ -e "$file" ] || continue
  answer=$(query "$(cat "${file%.sql}.database")" <"$file" 2>&1) || true
  [ "$answer" = t ] || { echo "pgwright: check failed: $(cat "$file") is $answer" >&2; failed=1; }
done

kill -INT "$server"
wait "$server" || true
[ "$failed" = 0 ] || exit 65 # EX_DATAERR
pg_controldata "$unfinished" | grep -E 'TimeLineID|system identifier|Latest checkpoint location'
: >"$unfinished/postgresql.auto.conf"
rm -rf "$PGDATA"
mv "$unfinished" "$PGDATA"
echo "pgwright: restored"
