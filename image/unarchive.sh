#!/bin/bash
# Restores a dumped partition as a table, and prints the command that attaches it to its partitioned table again.
#   unarchive.sh DATABASE TABLE
set -euo pipefail

. common.sh
. run-role.sh

database=$1 table=$2
folder="$dumps/archive/$(file_name "$database")"
asked=(ask "$database" --set "name=$table")

found=$("${asked[@]}" <<<"SELECT file FROM pgwright.partition_archives WHERE name = :'name' ORDER BY dumped_at DESC LIMIT 1")
if [ -z "$found" ]; then
  echo "database $database: no dump of a partition \"$table\"; existing dumps:" >&2
  "${asked[@]}" <<<"SELECT '  ' || name || ', ' || row_count || ' rows, of ' || parent || ', dumped ' || date_trunc('second', dumped_at) FROM pgwright.partition_archives ORDER BY name, dumped_at" >&2
  exit 66 # EX_NOINPUT
fi
# The folder of earlier versions.
[ -e "$folder/$found" ] || folder="$dumps/archive/${database//\//_}"
# Restored as the owner of its partitioned table, who owns the code of constraints, defaults and expressions. Without that table, as the
# owner of the database.
parent=$("${asked[@]}" <<'SQL'
SELECT c.oid::regclass FROM pgwright.partition_archives AS a JOIN pg_class AS c ON c.oid = to_regclass(a.parent) AND c.relkind = 'p'
WHERE a.name = :'name' ORDER BY a.dumped_at DESC LIMIT 1
SQL
)
if [ -n "$parent" ]; then owner_of ask "$database" "$parent"; else owner_of_database ask "$database"; fi

# Entries of the dump that depend on other objects: a referenced row, a function or a role may no longer exist. Those that fail are
# skipped; the table and its rows are restored.
others='FK CONSTRAINT|TRIGGER|COMMENT|SECURITY LABEL|ACL'
# Row security comes from the current partitioned table; without it, from the dump.
replaced=${parent:+|POLICY|ROW SECURITY}
# entries GREP_OPTION TYPES: prints the SQL of the entries of these types, or of all others (-v). The key disables psql's own commands.
entries() {
  pg_restore --file=- --no-owner --restrict-key="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" "$folder/$found" \
    --use-list=<(pg_restore --list "$folder/$found" | grep -E "$1" "^[0-9]+; [0-9]+ [0-9]+ ($2) ")
}
# If pg_restore fails, the script has no COMMIT at its end.
script() {
  echo 'BEGIN;'
  entries -v "$others$replaced" || return
  printf '%s\n' '\set ON_ERROR_ROLLBACK on' '\set ON_ERROR_STOP off'
  entries -e "$others" || return
  printf '%s\n' '\set ON_ERROR_STOP on'
  [ -z "$parent" ] || echo "SELECT pgwright.partition_secure_restored(:'parent', :'table');"
  echo 'COMMIT;'
}
failed=0
errors=$(script | as_role ask "$database" "$owner" --set=parent="$parent" --set=table="$table" 2>&1 >/dev/null) || failed=$?
if [ "$failed" != 0 ]; then
  echo "$errors" >&2
  exit "$failed"
fi
"${asked[@]}" <<'SQL'
UPDATE pgwright.partition_archives SET restored_at = clock_timestamp()
WHERE name = :'name' AND dumped_at = (SELECT max(a.dumped_at) FROM pgwright.partition_archives AS a WHERE a.name = :'name');
SELECT format('%s: restored with %s rows; to attach it again: ALTER TABLE %s ATTACH PARTITION %s %s', a.name, a.row_count, a.parent, a.name, a.bound)
FROM pgwright.partition_archives AS a WHERE a.name = :'name' ORDER BY a.dumped_at DESC LIMIT 1;
SQL
[ -z "$errors" ] || sed -E "s/^(ERROR|WARNING): +/$(sed 's/[\\/&]/\\&/g' <<<"$table"): not restored: /" <<<"$errors"
