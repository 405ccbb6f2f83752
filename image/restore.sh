#!/bin/bash
# Creates the cluster of the data volume from a backup: restores, replays WAL up to the target, promotes, runs the SQL files, runs the
# checks, and shuts down. The cluster is renamed to its final path only if all of this succeeds.
#   restore.sh STANZA ARGUMENTS OF pgbackrest restore...
#   restore.sh --copied       pg_basebackup has copied the files already
# Files in /restore: pgbackrest.conf; run/N.sql and checks/N.sql, each with its database in N.database, and its role in N.role if that
# is not the owner of the database; cron-off, if all cron jobs are switched off
set -euo pipefail
. recovery.sh

stanza=$1
shift
unfinished="$PGDATA.unfinished"
home=/restore

if [ "$stanza" = --copied ]; then
  # Replication and ALTER SYSTEM of the other server do not apply to this one.
  rm -f "$unfinished"/{standby,recovery}.signal
  : >"$unfinished/postgresql.auto.conf"
  start_recovered "$unfinished"
else
  recover "$unfinished" "$home/pgbackrest.conf" "$stanza" "$@"
fi

failed=0
if [ -e "$home/cron-off" ]; then
  # A copy does not run the jobs of its source. Direct change of the table, since its trigger needs pg_cron, which is not loaded here.
  databases=()
  list databases query postgres <<<"SELECT datname FROM pg_database WHERE datallowconn"
  for database in "${databases[@]}"; do
    [ -z "$(query "$database" <<<"SELECT to_regclass('cron.job')")" ] ||
      query "$database" <<<"SET session_replication_role = replica; UPDATE cron.job SET active = false" >/dev/null
  done
fi

# read_file VARIABLE FILE: sets the variable to the contents; to nothing if the file does not exist.
read_file() { printf -v "$1" %s '' && { [ ! -e "$2" ] || IFS= read -r -d '' "$1" <"$2" || true; }; }
for file in "$home"/run/*.sql; do
  [ -e "$file" ] || continue
  read_file database "${file%.sql}.database"
  read_file owner "${file%.sql}.role"
  if ! { [ -n "$owner" ] || owner_of_database query "$database"; } ||
    ! restricted <"$file" | as_role query "$database" "$owner" >/dev/null; then
    echo "pgwright: SQL of the restore failed: $(head -c 200 "$file")" >&2
    failed=1
  fi
done
for file in "$home"/checks/*.sql; do
  [ -e "$file" ] || continue
  read_file database "${file%.sql}.database"
  read_file role "${file%.sql}.role"
  answer=$(checked query "$database" "$role" <"$file") || true
  [ "$answer" = t ] || { echo "pgwright: check failed: $(cat "$file") is $answer" >&2; failed=1; }
done

stop_recovered
[ "$failed" = 0 ] || exit 65 # EX_DATAERR
pg_controldata "$unfinished" | grep -E 'TimeLineID|system identifier|Latest checkpoint location'
: >"$unfinished/postgresql.auto.conf"
rm -rf "$PGDATA"
mv "$unfinished" "$PGDATA"
echo "pgwright: restored"
