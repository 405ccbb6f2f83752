#!/bin/bash
# Writes a restore point between two probe rows, requests a restore drill to that point, and prints the id of the drill. Run by the agent.
# The request is the drill specification of the stack file (backup/drill.ts), and of the server at the restore point: drill; inventories,
# by database; the fewest and most rows of each table to count; before the very first drill, the answer to each check.
set -euo pipefail

. common.sh
. run-role.sh

# The bookkeeping of pgwright is not audited. Counting has no timeout, whatever a database sets for its sessions.
export PGOPTIONS="$PGOPTIONS $not_audited"
id=drill-$(date -u +%Y%m%dT%H%M%SZ)
specification=$(jq --compact-output '.drill // {}' "$configuration")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$home/drill"
rm -f "$home"/drill/*
databases=()
list_databases databases ask
for database in "${databases[@]}"; do
  ask "$database" </usr/local/share/pgwright/inventory.sql |
    jq --compact-output --arg database "$database" '{$database, inventory: .}'
done >"$work/inventories"

# snapshot_file SIDE DATABASE: the file of a snapshot.
snapshot_file() { printf %s "$work/$1-$(file_name "$2")"; }

# hold SIDE DATABASE: takes a snapshot of a database. Its session stays open until the script ends.
hold() {
  local file session
  file=$(snapshot_file "$1" "$2")
  mkfifo "$file.in"
  ask "$2" <"$file.in" >"$file" &
  exec {session}>"$file.in"
  echo "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot();" >&"$session"
  for _ in $(seq 200); do
    [ ! -s "$file" ] || return 0
    sleep 0.01
  done
  echo "database $2: no snapshot within 2 s, so its rows cannot be counted" >&2
  return 1
}

texts databases '[.counts[]?.database] | unique[]' <<<"$specification"
for database in "${databases[@]}"; do hold before "$database"; done
ask postgres >"$work/point" <<SQL
INSERT INTO pgwright.drill_marks (drill, before) VALUES ('$id', true);
SELECT pg_create_restore_point('$id');
INSERT INTO pgwright.drill_marks (drill, before) VALUES ('$id', false);
DELETE FROM pgwright.drill_marks WHERE marked_at < now() - interval '1 day';
SELECT pg_walfile_name(pg_switch_wal() - 1);
SQL
for database in "${databases[@]}"; do hold after "$database"; done

counts=() table=''
objects counts '.counts[]?' <<<"$specification"
for count in "${counts[@]}"; do
  fields "$count" database table
  owner_of ask "$database" "$table"
  for side in before after; do
    as_role ask "$database" "$owner" <<SQL
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET TRANSACTION SNAPSHOT '$(cat "$(snapshot_file "$side" "$database")")';
SELECT pg_catalog.count(*) FROM $table;
SQL
  done | jq --slurp --compact-output --argjson count "$count" '$count + {fewest: min, most: max}'
done >"$work/counts"

checks=() query='' role=''
objects checks '.checks[]?' <<<"$specification"
is_first=$(ledger runs | jq --slurp 'all(.job != "drill")')
for check in "${checks[@]}"; do
  if [ "$is_first" = true ]; then
    fields "$check" database query role
    answer=$(checked ask "$database" "$role" <<<"$query") || true
    check=$(jq --compact-output --arg answer "${answer:0:1000}" '. + {$answer}' <<<"$check")
  fi
  printf '%s\n' "$check"
done >"$work/checks"

jq --arg drill "$id" --slurpfile inventories "$work/inventories" --slurpfile counts "$work/counts" --slurpfile checks "$work/checks" \
  '. + {$drill, $inventories, $counts, $checks}' <<<"$specification" >"$work/request"

# The drill can start when the segment of the restore point (the last line), or a later one, is archived.
wanted=$(tail -n 1 "$work/point")
for _ in $(seq 120); do
  archived=$(ask postgres <<<"SELECT coalesce(max(last_archived_wal), '') FROM pg_stat_archiver")
  if ! [[ "${archived:8:16}" < "${wanted:8:16}" ]]; then
    cp "$work/request" "$home/drill/request.new"
    mv "$home/drill/request.new" "$home/drill/request.json"
    echo "$id"
    exit 0
  fi
  sleep 0.5
done
echo "WAL segment $wanted of the restore point: not archived within a minute; the last archived one is ${archived:-none}" >&2
exit 1
