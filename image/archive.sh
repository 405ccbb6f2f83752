#!/bin/bash
# Dumps archived partitions of one database into files, and drops each dumped table. Before the drop, the rows of table and file are
# compared under a lock that blocks writers, and file and folder are synced. If the script is killed in between, the table remains.
#   archive.sh DATABASE
set -euo pipefail

. common.sh

export DATABASE=$1 FOLDER
FOLDER="$dumps/archive/$(file_name "$DATABASE")"
umask 077

# A view of that name is pgwright's only if a superuser owns it.
[ "$(
  ask "$DATABASE" <<'SQL'
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner AND r.rolsuper
  WHERE c.oid = pg_catalog.to_regclass('pgwright.partition_dumps_due')
)
SQL
)" = t ] || exit 0
due=()
list due ask "$DATABASE" <<<"SELECT name FROM pgwright.partition_dumps_due ORDER BY name"
[ ${#due[@]} -gt 0 ] || exit 0
mkdir -p "$FOLDER"
failed=0
for TABLE in "${due[@]}"; do
  export TABLE FILE
  # Names that differ only in replaced characters get different seconds.
  while
    FILE=$(printf %s "$TABLE" | tr -c 'A-Za-z0-9_.-' '_')_$(date -u +%Y%m%dT%H%M%SZ).dump
    [ -e "$FOLDER/$FILE" ]
  do sleep 0.2; done
  ask "$DATABASE" <<'SQL' || failed=1
\getenv table TABLE
\getenv file FILE
BEGIN;
SET LOCAL lock_timeout = '10s';
LOCK TABLE :table IN SHARE MODE;
\set rows `count-rows.sh`
\set dumped `archive-table.sh`
SELECT :'dumped' = :'rows' AS same \gset
\if :same
INSERT INTO pgwright.partition_archives (parent, name, bound, file, row_count)
SELECT d.parent, d.name, d.bound, :'file', :rows FROM pgwright.partition_dumps_due AS d WHERE d.name = :'table';
DELETE FROM pgwright.partitions_known AS k USING pgwright.partition_dumps_due AS d WHERE k.parent = d.parent AND k.partition = d.partition AND d.name = :'table';
DROP TABLE :table;
COMMIT;
\echo :rows rows of :table are in :file
\else
ROLLBACK;
\warn :table was not dropped: it has :rows rows, and its dump :dumped
SELECT 1 / 0;
\endif
SQL
done
exit $failed
