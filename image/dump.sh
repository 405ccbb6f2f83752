#!/bin/bash
# Logical dumps: roles and tablespaces as SQL, and each database in pg_dump's custom format, into a folder named by the time. The folder
# is renamed when it is complete.
set -euo pipefail

. common.sh

settings=$(jq .dumps "$configuration")
umask 077

while folder="$dumps/$(date -u +%Y%m%dT%H%M%SZ)" && [ -e "$folder" ]; do sleep 0.2; done # one a second
rm -rf "$dumps"/*.partial
mkdir "$folder.partial"

dump() { # DATABASE, SCHEMA...
  local database=$1 schemas=() file
  shift
  for schema in "$@"; do schemas+=("--schema=\"${schema//\"/\"\"}\""); done
  file="$folder.partial/$(file_name "$database").dump"
  # At most a minute for a lock, since other sessions wait behind the dump.
  pg_dump --format=custom --compress=zstd --lock-wait-timeout=60000 "${schemas[@]}" --file="$file" \
    --dbname="$(connection "$database")"
  pg_restore --list "$file" >/dev/null
}

databases=()
list_databases databases ask
pg_dumpall --globals-only --file="$folder.partial/globals.sql"
declared=() schemas=()
texts declared '.databases | keys_unsorted[]' <<<"$settings"
for database in "${declared[@]}"; do
  # shellcheck disable=SC2016 # a variable of jq
  texts schemas '.databases[$database].schemas[]' --arg database "$database" <<<"$settings"
  dump "$database" "${schemas[@]}"
done
# None declared: all databases.
[ ${#declared[@]} -gt 0 ] || for database in "${databases[@]}"; do dump "$database"; done
sync "$folder.partial"
mv --no-target-directory "$folder.partial" "$folder"

keep=$(jq .keep <<<"$settings")
find "$dumps" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*Z' | sort -r | tail -n "+$((keep + 1))" | while read -r old; do rm -rf "$old"; done

# Partitions that retention has archived for a dump.
failed=0
for database in "${databases[@]}"; do
  archive.sh "$database" || failed=1
done
exit $failed
