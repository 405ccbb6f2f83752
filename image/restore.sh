#!/bin/bash
# Creates the cluster of the data volume from a backup: restores, replays WAL up to the target, promotes, runs the SQL files, runs the
# checks, and shuts down. The cluster is renamed to its final path only if all of this succeeds.
#   restore.sh STANZA ARGUMENTS OF pgbackrest restore...
#   restore.sh --copied       pg_basebackup has copied the files already
# Files in /restore: pgbackrest.conf, and handling.json (Handling of provider/restore.ts). If a backup was restored, the last line of
# the output is the outcome (backup/restore-outcome.ts), also if the restore has failed after that.
set -euo pipefail
. json.sh
. recovery.sh

stanza=$1
shift
unfinished="$PGDATA.unfinished"
handling=$(cat /restore/handling.json)

backup='' recovered_to=''
outcome() { [ -z "$backup" ] || jq --null-input --compact-output --arg backup "$backup" --arg recovered_to "$recovered_to" '$ARGS.named'; }
trap outcome EXIT

if [ "$stanza" = --copied ]; then
  # Replication and ALTER SYSTEM of the other server do not apply to this one.
  rm -f "$unfinished"/{standby,recovery}.signal
  : >"$unfinished/postgresql.auto.conf"
  start_recovered "$unfinished"
else
  recover "$unfinished" /restore/pgbackrest.conf "$stanza" "$@"
fi

failed=0
if [ "$(jq .cronOff <<<"$handling")" = true ]; then
  # A copy does not run the jobs of its source. Direct change of the table, since its trigger needs pg_cron, which is not loaded here.
  databases=()
  list databases query postgres <<<"SELECT datname FROM pg_database WHERE datallowconn"
  for database in "${databases[@]}"; do
    [ -z "$(query "$database" <<<"SELECT to_regclass('cron.job')")" ] ||
      query "$database" <<<"SET session_replication_role = replica; UPDATE cron.job SET active = false" >/dev/null
  done
fi

all=() database='' sql='' query='' role=''
objects all '.run[]' <<<"$handling"
for one in "${all[@]}"; do
  fields "$one" database sql role
  owner=$role
  if ! { [ -n "$owner" ] || owner_of_database query "$database"; } ||
    ! restricted <<<"$sql" | as_role query "$database" "$owner" >/dev/null; then
    echo "pgwright: SQL of the restore failed: ${sql:0:200}" >&2
    failed=1
  fi
done
objects all '.checks[]' <<<"$handling"
for one in "${all[@]}"; do
  fields "$one" database query role
  answer=$(checked query "$database" "$role" <<<"$query") || true
  [ "$answer" = t ] || { echo "pgwright: check failed: $query is $answer" >&2; failed=1; }
done

stop_recovered
[ "$failed" = 0 ] || exit 65 # EX_DATAERR
pg_controldata "$unfinished" | grep -E 'TimeLineID|system identifier|Latest checkpoint location'
: >"$unfinished/postgresql.auto.conf"
rm -rf "$PGDATA"
mv "$unfinished" "$PGDATA"
echo "pgwright: restored"
