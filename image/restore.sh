#!/bin/bash
# Makes the cluster of the data volume from a backup: restores, replays WAL up to the target, promotes, runs what is to be run,
# checks, and shuts down. The cluster is in its place only once all of that went well.
#   restore.sh STANZA ARGUMENTS OF pgbackrest restore...
#   restore.sh --copied       pg_basebackup has put it there already
# Files in /restore: pgbackrest.conf; run/N.sql and checks/N.sql, each with its database in N.database, and its role in N.role if that
# is not the owner of the database; cron-off, if all cron jobs are switched off
set -euo pipefail
. recovery.sh

stanza=$1
shift
unfinished="$PGDATA.unfinished"
home=/restore

if [ "$stanza" = --copied ]; then
  # What the other server was told is not for this one.
  rm -f "$unfinished"/{standby,recovery}.signal
  : >"$unfinished/postgresql.auto.conf"
  start_recovered "$unfinished"
else
  recover "$unfinished" "$home/pgbackrest.conf" "$stanza" "$@"
fi

failed=0
if [ -e "$home/cron-off" ]; then
  # A copy runs no jobs of its source. By the table: pg_cron is not loaded here, and its trigger wants it.
  for database in $(query postgres <<<"SELECT datname FROM pg_database WHERE datallowconn AND datname !~ '\\s'"); do
    [ -z "$(query "$database" <<<"SELECT to_regclass('cron.job')")" ] ||
      query "$database" <<<"SET session_replication_role = replica; UPDATE cron.job SET active = false" >/dev/null
  done
fi

of() { if [ -e "$1" ]; then cat "$1"; fi; }
for file in "$home"/run/*.sql; do
  [ -e "$file" ] || continue
  database=$(of "${file%.sql}.database") role=$(of "${file%.sql}.role")
  as_role query "$database" "${role:-$(owner_of_database query "$database")}" <"$file" >/dev/null ||
    { echo "pgwright: SQL of the restore failed: $(head -c 200 "$file")" >&2; failed=1; }
done
for file in "$home"/checks/*.sql; do
  [ -e "$file" ] || continue
  answer=$(checked query "$(of "${file%.sql}.database")" "$(of "${file%.sql}.role")" <"$file") || true
  [ "$answer" = t ] || { echo "pgwright: check failed: $(cat "$file") is $answer" >&2; failed=1; }
done

stop_recovered
[ "$failed" = 0 ] || exit 65 # EX_DATAERR
pg_controldata "$unfinished" | grep -E 'TimeLineID|system identifier|Latest checkpoint location'
: >"$unfinished/postgresql.auto.conf"
rm -rf "$PGDATA"
mv "$unfinished" "$PGDATA"
echo "pgwright: restored"
