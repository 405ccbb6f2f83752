#!/bin/bash
# Brings a dumped partition back as the table that it was in the archive, and says how it gets back into its set.
#   unarchive.sh DATABASE TABLE
set -euo pipefail

. common.sh
. run-role.sh

database=$1 table=$2
folder="$dumps/archive/${database//\//_}"
asked=(ask "$database" --set "name=$table")

found=$("${asked[@]}" <<<"SELECT file FROM pgwright.partition_archives WHERE name = :'name' ORDER BY dumped_at DESC LIMIT 1")
if [ -z "$found" ]; then
  echo "there is no dump of a partition $table in database $database; there are:" >&2
  "${asked[@]}" <<<"SELECT '  ' || name || ', ' || row_count || ' rows, of ' || parent || ', dumped ' || date_trunc('second', dumped_at) FROM pgwright.partition_archives ORDER BY name, dumped_at" >&2
  exit 66 # EX_NOINPUT
fi
# As the owner of the table that it was a partition of: constraints, defaults and expressions are their code. Without that table, as the
# owner of the database.
parent=$("${asked[@]}" <<<"SELECT to_regclass(parent) FROM pgwright.partition_archives WHERE name = :'name' LIMIT 1")
owner=$(if [ -n "$parent" ]; then owner_of ask "$database" "$parent"; else owner_of_database ask "$database"; fi)
run_role ask "$database" "$owner"
code=0
PGOPTIONS=$run_options pg_restore --exit-on-error --single-transaction --username="$run_role" --role="$owner" \
  --dbname="$(connection "$database")" "$folder/$found" || code=$?
end_run_role ask "$database" "$owner" || code=$?
[ "$code" = 0 ] || exit "$code"
"${asked[@]}" <<'SQL'
UPDATE pgwright.partition_archives SET restored_at = clock_timestamp()
WHERE name = :'name' AND dumped_at = (SELECT max(a.dumped_at) FROM pgwright.partition_archives AS a WHERE a.name = :'name');
SELECT format('%s is back with %s rows; into its set again: ALTER TABLE %s ATTACH PARTITION %s %s', a.name, a.row_count, a.parent, a.name, a.bound)
FROM pgwright.partition_archives AS a WHERE a.name = :'name' ORDER BY a.dumped_at DESC LIMIT 1;
SQL
