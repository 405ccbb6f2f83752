#!/bin/bash
# Sets the mark that a restore drill goes to, and asks for the drill: a row, a restore point, another row. Run by the agent.
set -euo pipefail

. common.sh
. run-role.sh

# Its own bookkeeping is not for the audit log, and counting may take as long as it takes, whatever a database says of its sessions.
export PGOPTIONS="$PGOPTIONS $not_audited"
id=drill-$(date -u +%Y%m%dT%H%M%SZ)
orders="$home/drill/orders"

mkdir -p "$home/drill"
rm -f "$home"/drill/*
cp /etc/pgwright/drill "$orders"
# What the copy has to have: extensions and roles, by database.
list_databases databases ask
for i in "${!databases[@]}"; do
  printf %s "${databases[i]}" >"$home/drill/$i.database"
  ask "${databases[i]}" </usr/local/share/pgwright/inventory.sql >"$home/drill/$i.inventory"
done

# held SIDE NAME: the file of a snapshot.
held() { printf %s "$snapshots/$1-${2//\//_}"; }

# hold SIDE NAME: a snapshot of now of a database, by its name in the orders. The session waits for more to do until the script ends.
hold() {
  local file session database
  decode database "$2"
  file=$(held "$1" "$2")
  mkfifo "$file.in"
  ask "$database" <"$file.in" >"$file" &
  exec {session}>"$file.in"
  echo "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot();" >&"$session"
  for _ in $(seq 200); do
    [ ! -s "$file" ] || return 0
    sleep 0.01
  done
  echo "database $database gives no snapshot to count its rows in" >&2
  return 1
}
snapshots=$(mktemp -d)
trap 'rm -rf "$snapshots"' EXIT

counted=$(sed -n 's/^count \([^ ]*\) .*/\1/p' "$orders" | sort -u)
for name in $counted; do hold before "$name"; done
ask postgres >"$home/drill/point" <<SQL
INSERT INTO pgwright.drill_marks (drill, before) VALUES ('$id', true);
SELECT pg_create_restore_point('$id');
INSERT INTO pgwright.drill_marks (drill, before) VALUES ('$id', false);
DELETE FROM pgwright.drill_marks WHERE marked_at < now() - interval '1 day';
SELECT pg_walfile_name(pg_switch_wal());
SQL
for name in $counted; do hold after "$name"; done

# A line a table, in the order of the orders: its rows just before the mark and just after it.
while read -r kind name table; do
  [ "$kind" = count ] || continue
  decode database "$name"
  decode table "$table"
  owner_of ask "$database" "$table"
  for side in before after; do
    as_role ask "$database" "$owner" <<SQL
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET TRANSACTION SNAPSHOT '$(cat "$(held "$side" "$name")")';
SELECT pg_catalog.count(*) FROM $table;
SQL
  done | sort -n | paste --serial --delimiters=' '
done <"$orders" >"$home/drill/counts"

# Before the first drill of all, what its checks give on the server: a line a check.
if ! cut -f3 "$home/runs.tsv" 2>/dev/null | grep -qx drill; then
  while read -r kind name query role; do
    [ "$kind" = check ] || continue
    decode database "$name"
    decode query "$query"
    decode role "$role"
    answer=$(checked ask "$database" "$role" <<<"$query") || true
    base64 --wrap=0 <<<"$answer"
    echo
  done <"$orders" >"$home/drill/answers"
fi

# The mark counts once it is in the archive. The segment of the last line, or a later one.
wanted=$(tail -n 1 "$home/drill/point")
for _ in $(seq 120); do
  archived=$(ask postgres <<<"SELECT coalesce(max(last_archived_wal), '') FROM pg_stat_archiver")
  [[ "${archived:8:16}" < "${wanted:8:16}" ]] || { echo "$id" >"$home/drill/request"; exit 0; }
  sleep 0.5
done
echo "the WAL of the mark, $wanted, has not been archived within a minute; the last was ${archived:-none}" >&2
exit 1
