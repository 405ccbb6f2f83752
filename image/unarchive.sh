#!/bin/bash
# Restores a dumped partition as the table that it was in the archive, and prints the command that attaches it to its table again.
#   unarchive.sh DATABASE TABLE
set -euo pipefail

. common.sh
. run-role.sh

database=$1 table=$2
folder="$dumps/archive/$(file_name "$database")"
asked=(ask "$database" --set "name=$table")

found=$("${asked[@]}" <<<"SELECT file FROM pgwright.partition_archives WHERE name = :'name' ORDER BY dumped_at DESC LIMIT 1")
if [ -z "$found" ]; then
  echo "there is no dump of a partition $table in database $database; there are:" >&2
  "${asked[@]}" <<<"SELECT '  ' || name || ', ' || row_count || ' rows, of ' || parent || ', dumped ' || date_trunc('second', dumped_at) FROM pgwright.partition_archives ORDER BY name, dumped_at" >&2
  exit 66 # EX_NOINPUT
fi
# Where earlier versions have put it.
[ -e "$folder/$found" ] || folder="$dumps/archive/${database//\//_}"
# As the owner of the table that it was a partition of: constraints, defaults and expressions are their code. Without that table, as the
# owner of the database.
parent=$("${asked[@]}" <<'SQL'
SELECT c.oid::regclass FROM pgwright.partition_archives AS a JOIN pg_class AS c ON c.oid = to_regclass(a.parent) AND c.relkind = 'p'
WHERE a.name = :'name' ORDER BY a.dumped_at DESC LIMIT 1
SQL
)
if [ -n "$parent" ]; then owner_of ask "$database" "$parent"; else owner_of_database ask "$database"; fi

# Entries of the dump that need other objects, which may have changed since: a referenced row, a function or a role may be gone. The
# table and its rows are restored without those that fail.
others='FK CONSTRAINT|TRIGGER|COMMENT|SECURITY LABEL|ACL'
# The row security is the table's, as it is today; without the table, as it was.
replaced=${parent:+|POLICY|ROW SECURITY}
# entries GREP_OPTION TYPES: the SQL of the entries of these types, or of all others (-v). A key: psql runs none of its own commands in it.
entries() {
  pg_restore --file=- --no-owner --restrict-key="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" "$folder/$found" \
    --use-list=<(pg_restore --list "$folder/$found" | grep -E "$1" "^[0-9]+; [0-9]+ [0-9]+ ($2) ")
}
# Without COMMIT at its end if pg_restore fails.
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
SELECT format('%s is back with %s rows; into its set again: ALTER TABLE %s ATTACH PARTITION %s %s', a.name, a.row_count, a.parent, a.name, a.bound)
FROM pgwright.partition_archives AS a WHERE a.name = :'name' ORDER BY a.dumped_at DESC LIMIT 1;
SQL
[ -z "$errors" ] || sed -E "s/^(ERROR|WARNING): +/$(sed 's/[\\/&]/\\&/g' <<<"$table"): not restored: /" <<<"$errors"
