#!/bin/bash
# Sets the mark that a restore drill goes to, and asks for the drill: a row, a restore point, another row. Run by the agent.
set -euo pipefail

. common.sh

# Its own bookkeeping is not for the audit log.
export PGOPTIONS="-c pgaudit.log=none"
id=drill-$(date -u +%Y%m%dT%H%M%SZ)

mkdir -p "$home/drill"
rm -f "$home"/drill/*
# What the copy has to have: extensions and roles, by database.
for database in $(ask postgres <<<"SELECT datname FROM pg_database WHERE datallowconn AND datname !~ '[/[:space:]]' AND NOT datistemplate"); do
  ask "$database" </usr/local/share/pgwright/inventory.sql >"$home/drill/$database.inventory"
done
ask postgres >"$home/drill/point" <<SQL
INSERT INTO pgwright.drill_marks (drill, before) VALUES ('$id', true);
SELECT pg_create_restore_point('$id');
INSERT INTO pgwright.drill_marks (drill, before) VALUES ('$id', false);
DELETE FROM pgwright.drill_marks WHERE marked_at < now() - interval '1 day';
SELECT pg_walfile_name(pg_switch_wal());
SQL
# The mark counts once it is in the archive. The segment of the last line, or a later one.
wanted=$(tail -n 1 "$home/drill/point")
for _ in $(seq 120); do
  archived=$(ask postgres <<<"SELECT coalesce(max(last_archived_wal), '') FROM pg_stat_archiver")
  [[ "${archived:8:16}" < "${wanted:8:16}" ]] || { echo "$id" >"$home/drill/request"; exit 0; }
  sleep 0.5
done
echo "the WAL of the mark, $wanted, has not been archived within a minute; the last was ${archived:-none}" >&2
exit 1
