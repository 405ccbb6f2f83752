#!/bin/bash
# Writes a restore point between two probe rows, and requests a restore drill to that point. Run by the agent.
set -euo pipefail

. common.sh
. run-role.sh

# The bookkeeping of pgwright is not audited. Counting has no timeout, whatever a database sets for its sessions.
export PGOPTIONS="$PGOPTIONS $not_audited"
id=drill-$(date -u +%Y%m%dT%H%M%SZ)
specification="$home/drill/specification"

mkdir -p "$home/drill"
rm -f "$home"/drill/*
cp /etc/pgwright/drill "$specification"
# The extensions and roles that the copy has to have, by database.
databases=()
list_databases databases ask
for i in "${!databases[@]}"; do
  printf %s "${databases[i]}" >"$home/drill/$i.database"
  ask "${databases[i]}" </usr/local/share/pgwright/inventory.sql >"$home/drill/$i.inventory"
done

# snapshot_file SIDE NAME: the file of a snapshot.
snapshot_file() { printf %s "$snapshots/$1-${2//\//_}"; }

# hold SIDE NAME: takes a snapshot of a database, named as in the specification. Its session stays open until the script ends.
hold() {
  local file session database
  decode database "$2"
  file=$(snapshot_file "$1" "$2")
  mkfifo "$file.in"
  ask "$database" <"$file.in" >"$file" &
  exec {session}>"$file.in"
  echo "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot();" >&"$session"
  for _ in $(seq 200); do
    [ ! -s "$file" ] || return 0
    sleep 0.01
  done
  echo "database $database: no snapshot within 2 s, so its rows cannot be counted" >&2
  return 1
}
snapshots=$(mktemp -d)
trap 'rm -rf "$snapshots"' EXIT

counted=$(sed -n 's/^count \([^ ]*\) .*/\1/p' "$specification" | sort -u)
for name in $counted; do hold before "$name"; done
ask postgres >"$home/drill/point" <<SQL
INSERT INTO pgwright.drill_marks (drill, before) VALUES ('$id', true);
SELECT pg_create_restore_point('$id');
INSERT INTO pgwright.drill_marks (drill, before) VALUES ('$id', false);
DELETE FROM pgwright.drill_marks WHERE marked_at < now() - interval '1 day';
SELECT pg_walfile_name(pg_switch_wal());
SQL
for name in $counted; do hold after "$name"; done

# A line a table, in the order of the specification: its rows just before the restore point and just after it.
while read -r kind name table; do
  [ "$kind" = count ] || continue
  decode database "$name"
  decode table "$table"
  owner_of ask "$database" "$table"
  for side in before after; do
    as_role ask "$database" "$owner" <<SQL
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET TRANSACTION SNAPSHOT '$(cat "$(snapshot_file "$side" "$name")")';
SELECT pg_catalog.count(*) FROM $table;
SQL
  done | sort -n | paste --serial --delimiters=' '
done <"$specification" >"$home/drill/counts"

# Before the very first drill, the results of the checks on the server: a line a check.
if ! cut -f3 "$home/runs.tsv" 2>/dev/null | grep -qx drill; then
  while read -r kind name query role; do
    [ "$kind" = check ] || continue
    decode database "$name"
    decode query "$query"
    decode role "$role"
    answer=$(checked ask "$database" "$role" <<<"$query") || true
    base64 --wrap=0 <<<"$answer"
    echo
  done <"$specification" >"$home/drill/answers"
fi

# The drill can start when the segment of the restore point (the last line), or a later one, is archived.
wanted=$(tail -n 1 "$home/drill/point")
for _ in $(seq 120); do
  archived=$(ask postgres <<<"SELECT coalesce(max(last_archived_wal), '') FROM pg_stat_archiver")
  [[ "${archived:8:16}" < "${wanted:8:16}" ]] || { echo "$id" >"$home/drill/request"; exit 0; }
  sleep 0.5
done
echo "WAL segment $wanted of the restore point: not archived within a minute; the last archived one is ${archived:-none}" >&2
exit 1
